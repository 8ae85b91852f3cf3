package cmds

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"docker-dispatch/dockerapi"
)

// option is one key of a message, what its value looks like, and what it sets: one or several of body, query and set say the
// latter.
type option struct {
	verbs string // that have it, with commas between
	name  string // of docker's flag, with a capital for each word: CapAdd for --cap-add
	kind  *kind

	body  string                       // path in the body of ContainerCreate, where it is put unless it is zero or set says otherwise
	query string                       // key in the query of the verb's own call
	set   func(*Command, *option, any) //
	since int                          // the API version 1.since that it needs; 0: any
	until int                          // the last API version that has it; 0: all
	safe  bool                         // it gives no power over the host, nor over others than the one that it is for: it needs no grant
}

// making are the verbs that make a container.
const making = "run, create"

// limiting are those that have the limits of one.
const limiting = making + ", update"

// naming are the verbs that are for one container, but remove, which takes a link too.
const naming = "start, stop, restart, kill, pause, unpause, wait, exec, logs, inspect, rename, update, cp"

// arguments are the keys at the top of a message, beside Dockercmd and Options.
var arguments = [...]option{
	{verbs: making, name: "Image", kind: &kindImage, body: "Image", safe: true},
	{verbs: making + ", exec", name: "Cmd", kind: &kindWords, body: "Cmd", set: setAsIs, safe: true},
	{verbs: "run, start, exec", name: "Stdin", kind: &kindText, set: func(c *Command, _ *option, v any) { c.Stdin = []byte(v.(string)) }, safe: true},
	{verbs: "run, start, exec", name: "StdinBase64", kind: &kindBase64, set: func(c *Command, _ *option, v any) { c.Stdin = v.([]byte) }, safe: true},
	{verbs: naming, name: "Container", kind: &kindContainer, set: setContainer, safe: true},
	{verbs: "remove", name: "Container", kind: &kindLinked, set: setContainer, safe: true},
	{verbs: "network connect, network disconnect", name: "Container", kind: &kindContainer, body: "Container", set: setMember, safe: true},
	{verbs: "inspect, pull, rmi", name: "Image", kind: &kindImage, set: setObject, safe: true},
	{verbs: "inspect, network rm, network connect, network disconnect", name: "Network", kind: &kindObject, set: setObject, safe: true},
	{verbs: "inspect, volume rm", name: "Volume", kind: &kindObject, set: setObject, safe: true},
	{verbs: "network create", name: "Network", kind: &kindObject, body: "Name", set: setNew, safe: true},
	{verbs: "volume create", name: "Volume", kind: &kindObject, body: "Name", set: setNew, safe: true},
	{verbs: "rename", name: "NewName", kind: &kindName, query: "name", set: setNewName, safe: true},
	{verbs: "cp", name: "Path", kind: &kindPath, query: "path", safe: true},
	{verbs: "cp", name: "TarBase64", kind: &kindBase64, set: func(c *Command, _ *option, v any) { c.Tar = v.([]byte) }, safe: true},
}

// options are the keys of the object Options.
var options = [...]option{
	// docker's
	{verbs: making, name: "AddHost", kind: &kindHosts, body: "HostConfig.ExtraHosts", safe: true},
	{verbs: making, name: "Annotation", kind: &kindPairs, body: "HostConfig.Annotations", since: 43},
	{verbs: making, name: "Attach", kind: &kindStreams, set: setAttach, safe: true},
	{verbs: limiting, name: "BlkioWeight", kind: &kindWeight, body: "HostConfig.BlkioWeight", safe: true},
	{verbs: making, name: "BlkioWeightDevice", kind: &kindDeviceWeights, body: "HostConfig.BlkioWeightDevice"},
	{verbs: making, name: "CapAdd", kind: &kindCapabilities, body: "HostConfig.CapAdd", set: setSorted},
	{verbs: making, name: "CapDrop", kind: &kindCapabilities, body: "HostConfig.CapDrop", set: setSorted, safe: true},
	{verbs: making, name: "CgroupParent", kind: &kindString, body: "HostConfig.CgroupParent"},
	{verbs: making, name: "Cgroupns", kind: &kindCgroupns, body: "HostConfig.CgroupnsMode"},
	{verbs: limiting, name: "CpuPeriod", kind: &kindWhole, body: "HostConfig.CpuPeriod", safe: true},
	{verbs: limiting, name: "CpuQuota", kind: &kindWhole, body: "HostConfig.CpuQuota", safe: true},
	{verbs: limiting, name: "CpuRtPeriod", kind: &kindWhole, body: "HostConfig.CpuRealtimePeriod"},
	{verbs: limiting, name: "CpuRtRuntime", kind: &kindWhole, body: "HostConfig.CpuRealtimeRuntime"},
	{verbs: limiting, name: "CpuShares", kind: &kindWhole, body: "HostConfig.CpuShares", safe: true},
	{verbs: limiting, name: "Cpus", kind: &kindCPUs, body: "HostConfig.NanoCpus", safe: true},
	{verbs: limiting, name: "CpusetCpus", kind: &kindString, body: "HostConfig.CpusetCpus", safe: true},
	{verbs: limiting, name: "CpusetMems", kind: &kindString, body: "HostConfig.CpusetMems", safe: true},
	{verbs: making, name: "Device", kind: &kindDevices, body: "HostConfig.Devices", set: setDevices},
	{verbs: making, name: "DeviceCgroupRule", kind: &kindDeviceRules, body: "HostConfig.DeviceCgroupRules"},
	{verbs: making, name: "DeviceReadBps", kind: &kindDeviceBytes, body: "HostConfig.BlkioDeviceReadBps"},
	{verbs: making, name: "DeviceReadIops", kind: &kindDeviceRates, body: "HostConfig.BlkioDeviceReadIOps"},
	{verbs: making, name: "DeviceWriteBps", kind: &kindDeviceBytes, body: "HostConfig.BlkioDeviceWriteBps"},
	{verbs: making, name: "DeviceWriteIops", kind: &kindDeviceRates, body: "HostConfig.BlkioDeviceWriteIOps"},
	{verbs: making, name: "Dns", kind: &kindIPs, body: "HostConfig.Dns", safe: true},
	{verbs: making, name: "DnsOption", kind: &kindStrings, body: "HostConfig.DnsOptions", safe: true},
	{verbs: making, name: "DnsSearch", kind: &kindDomains, body: "HostConfig.DnsSearch", safe: true},
	{verbs: making, name: "Domainname", kind: &kindString, body: "Domainname", safe: true},
	{verbs: making, name: "Entrypoint", kind: &kindArgv, body: "Entrypoint", set: setAsIs, safe: true},
	{verbs: making, name: "Env", kind: &kindEnv, body: "Env", set: setEnv, safe: true},
	{verbs: making, name: "Expose", kind: &kindPorts, body: "ExposedPorts", set: setExpose, safe: true},
	{verbs: making, name: "Gpus", kind: &kindGpus, body: deviceRequests, set: setGpus},
	{verbs: making, name: "GroupAdd", kind: &kindStrings, body: "HostConfig.GroupAdd", safe: true},
	{verbs: making, name: "HealthCmd", kind: &kindString, body: "Healthcheck.Test", set: setHealthCmd, safe: true},
	{verbs: making, name: "HealthInterval", kind: &kindDuration, body: "Healthcheck.Interval", safe: true},
	{verbs: making, name: "HealthRetries", kind: &kindCount, body: "Healthcheck.Retries", safe: true},
	{verbs: making, name: "HealthStartInterval", kind: &kindDuration, body: "Healthcheck.StartInterval", since: 44, safe: true},
	{verbs: making, name: "HealthStartPeriod", kind: &kindDuration, body: "Healthcheck.StartPeriod", safe: true},
	{verbs: making, name: "HealthTimeout", kind: &kindDuration, body: "Healthcheck.Timeout", safe: true},
	{verbs: making, name: "Hostname", kind: &kindString, body: "Hostname", safe: true},
	{verbs: making, name: "Init", kind: &kindFlag, body: "HostConfig.Init", set: setAsIs, safe: true},
	{verbs: making, name: "Interactive", kind: &kindFlag, body: "OpenStdin", safe: true},
	{verbs: making, name: "Ip", kind: &kindIPString, body: firstEndpoint + ".IPAMConfig.IPv4Address"},
	{verbs: making, name: "Ip6", kind: &kindIPString, body: firstEndpoint + ".IPAMConfig.IPv6Address"},
	{verbs: making, name: "Ipc", kind: &kindString, body: "HostConfig.IpcMode"},
	{verbs: making, name: "Isolation", kind: &kindString, body: "HostConfig.Isolation"},
	{verbs: limiting, name: "KernelMemory", kind: &kindSize, body: "HostConfig.KernelMemory", until: 41, safe: true},
	{verbs: making, name: "Label", kind: &kindLabels, body: "Labels", set: setLabels, safe: true},
	{verbs: making, name: "Link", kind: &kindLinks, body: "HostConfig.Links"},
	{verbs: making, name: "LinkLocalIp", kind: &kindStrings, body: firstEndpoint + ".IPAMConfig.LinkLocalIPs"},
	{verbs: making, name: "LogDriver", kind: &kindString, body: "HostConfig.LogConfig.Type"},
	{verbs: making, name: "LogOpt", kind: &kindPairs, body: "HostConfig.LogConfig.Config"},
	{verbs: making, name: "MacAddress", kind: &kindMAC, body: firstEndpoint + ".MacAddress", since: 44},
	{verbs: limiting, name: "Memory", kind: &kindSize, body: "HostConfig.Memory", safe: true},
	{verbs: limiting, name: "MemoryReservation", kind: &kindSize, body: "HostConfig.MemoryReservation", safe: true},
	{verbs: limiting, name: "MemorySwap", kind: &kindSwap, body: "HostConfig.MemorySwap", safe: true},
	{verbs: making, name: "MemorySwappiness", kind: &kindSwappiness, body: "HostConfig.MemorySwappiness", set: setAsIs, safe: true},
	{verbs: making, name: "Mount", kind: &kindMounts, body: "HostConfig.Mounts"},
	{verbs: making, name: "Name", kind: &kindName, query: "name", set: setContainer, safe: true},
	{verbs: making, name: "Network", kind: &kindNetworks, body: "HostConfig.NetworkMode", set: func(c *Command, _ *option, v any) { c.networks = v.([]any) }},
	{verbs: making, name: "NetworkAlias", kind: &kindStrings, body: firstEndpoint + ".Aliases"},
	{verbs: making, name: "NoHealthcheck", kind: &kindFlag, body: "Healthcheck.Test", set: setNoHealthcheck, safe: true},
	{verbs: making, name: "OomKillDisable", kind: &kindFlag, body: "HostConfig.OomKillDisable"},
	{verbs: making, name: "OomScoreAdj", kind: &kindWhole, body: "HostConfig.OomScoreAdj"},
	{verbs: making, name: "Pid", kind: &kindPid, body: "HostConfig.PidMode"},
	{verbs: limiting, name: "PidsLimit", kind: &kindWhole, body: "HostConfig.PidsLimit", safe: true},
	{verbs: making + ", pull", name: "Platform", kind: &kindPlatform, query: "platform", safe: true},
	{verbs: making, name: "Privileged", kind: &kindFlag, body: "HostConfig.Privileged"},
	{verbs: making, name: "Publish", kind: &kindPublish, body: "HostConfig.PortBindings", set: func(c *Command, _ *option, v any) { c.published = v.([]any) }},
	{verbs: making, name: "PublishAll", kind: &kindFlag, body: "HostConfig.PublishAllPorts", safe: true},
	{verbs: making, name: "Pull", kind: &kindPull, set: func(c *Command, _ *option, v any) { c.Pull = v.(string) }, safe: true},
	{verbs: making, name: "ReadOnly", kind: &kindFlag, body: "HostConfig.ReadonlyRootfs", safe: true},
	{verbs: making, name: "Remove", kind: &kindFlag, set: func(c *Command, _ *option, v any) { c.Remove = v.(bool) }, safe: true},
	{verbs: limiting, name: "Restart", kind: &kindRestart, body: "HostConfig.RestartPolicy"},
	{verbs: making, name: "Runtime", kind: &kindString, body: "HostConfig.Runtime"},
	{verbs: making, name: "SecurityOpt", kind: &kindSecurityOpts, body: "HostConfig.SecurityOpt", set: setSecurityOpt},
	{verbs: making, name: "ShmSize", kind: &kindSize, body: "HostConfig.ShmSize", safe: true},
	{verbs: making, name: "StopSignal", kind: &kindString, body: "StopSignal", safe: true},
	{verbs: making, name: "StopTimeout", kind: &kindSeconds, body: "StopTimeout", set: setAsIs},
	{verbs: making, name: "StorageOpt", kind: &kindAssignments, body: "HostConfig.StorageOpt"},
	{verbs: making, name: "Sysctl", kind: &kindSysctls, body: "HostConfig.Sysctls"},
	{verbs: making, name: "Tmpfs", kind: &kindTmpfs, body: "HostConfig.Tmpfs"},
	{verbs: making, name: "Tty", kind: &kindFlag, body: "Tty", safe: true},
	{verbs: making, name: "Ulimit", kind: &kindUlimits, body: "HostConfig.Ulimits", set: setUlimits},
	{verbs: making, name: "User", kind: &kindString, body: "User", safe: true},
	{verbs: making, name: "Userns", kind: &kindHostMode, body: "HostConfig.UsernsMode"},
	{verbs: making, name: "Uts", kind: &kindHostMode, body: "HostConfig.UTSMode"},
	{verbs: making, name: "Volume", kind: &kindVolumes, body: "HostConfig.Binds", set: setVolumes},
	{verbs: making, name: "VolumeDriver", kind: &kindString, body: "HostConfig.VolumeDriver"},
	{verbs: making, name: "VolumesFrom", kind: &kindStrings, body: "HostConfig.VolumesFrom"},
	{verbs: making, name: "Workdir", kind: &kindString, body: "WorkingDir", safe: true},

	// docker's, of the other commands
	{verbs: "start", name: "Attach", kind: &kindFlag, set: func(c *Command, _ *option, v any) { c.Attach.Stdout, c.Attach.Stderr = v.(bool), v.(bool) }, safe: true},
	{verbs: "start, exec", name: "Interactive", kind: &kindFlag, set: func(c *Command, _ *option, v any) { c.Attach.Stdin = v.(bool) }, safe: true},
	{verbs: "stop, restart", name: "Signal", kind: &kindString, query: "signal", since: 42, safe: true},
	{verbs: "stop, restart", name: "Time", kind: &kindSeconds, query: "t", safe: true},
	{verbs: "stop, restart", name: "Timeout", kind: &kindSeconds, query: "t", safe: true},
	{verbs: "kill", name: "Signal", kind: &kindString, query: "signal", safe: true},
	{verbs: "remove", name: "Force", kind: &kindFlag, query: "force", safe: true},
	{verbs: "remove", name: "Link", kind: &kindFlag, query: "link"},
	{verbs: "remove", name: "Volumes", kind: &kindFlag, query: "v", safe: true},
	{verbs: "exec", name: "Detach", kind: &kindFlag, set: func(c *Command, _ *option, v any) { c.Detach = v.(bool) }, safe: true},
	{verbs: "exec", name: "Env", kind: &kindEnv, body: "Env", set: setEnv, safe: true},
	{verbs: "exec", name: "Privileged", kind: &kindFlag, body: "Privileged"},
	{verbs: "exec", name: "Tty", kind: &kindFlag, body: "Tty", safe: true},
	{verbs: "exec", name: "User", kind: &kindString, body: "User", safe: true},
	{verbs: "exec", name: "Workdir", kind: &kindString, body: "WorkingDir", safe: true},
	{verbs: "logs", name: "Details", kind: &kindFlag, query: "details", safe: true},
	{verbs: "logs", name: "Follow", kind: &kindFlag, query: "follow", safe: true},
	{verbs: "logs", name: "Since", kind: &kindMoment, query: "since", safe: true},
	{verbs: "logs", name: "Tail", kind: &kindTail, query: "tail", safe: true},
	{verbs: "logs", name: "Timestamps", kind: &kindFlag, query: "timestamps", safe: true},
	{verbs: "logs", name: "Until", kind: &kindMoment, query: "until", safe: true},
	{verbs: "inspect, ps", name: "Size", kind: &kindFlag, query: "size", safe: true},
	{verbs: "pull", name: "AllTags", kind: &kindFlag, set: func(c *Command, _ *option, v any) { c.AllTags = v.(bool) }, safe: true},
	{verbs: "ps", name: "All", kind: &kindFlag, query: "all", safe: true},
	{verbs: "ps", name: "Filter", kind: &kindFilters, query: "filters", set: setFilters, safe: true},
	{verbs: "ps", name: "Last", kind: &kindCount, query: "limit", safe: true},
	{verbs: "ps", name: "Latest", kind: &kindFlag, query: "limit", safe: true},
	{verbs: "cp", name: "Archive", kind: &kindFlag, query: "copyUIDGID", safe: true},
	{verbs: "cp", name: "FollowLink", kind: &kindFlag, set: func(c *Command, _ *option, v any) { c.FollowLink = v.(bool) }, safe: true},
	{verbs: "rmi, volume rm", name: "Force", kind: &kindFlag, query: "force", safe: true},
	{verbs: "rmi", name: "NoPrune", kind: &kindFlag, query: "noprune", safe: true},
	{verbs: "rmi", name: "Platform", kind: &kindPlatform, query: "platforms", set: setPlatforms, since: 50, safe: true},
	{verbs: "volume create", name: "Driver", kind: &kindString, body: "Driver"},
	{verbs: "volume create", name: "Opt", kind: &kindPairs, body: "DriverOpts"},
	{verbs: "volume create, network create", name: "Label", kind: &kindLabels, body: "Labels", set: setLabels, safe: true},
	{verbs: "network create", name: "Attachable", kind: &kindFlag, body: "Attachable"},
	{verbs: "network create", name: "AuxAddress", kind: &kindAssignments, set: func(c *Command, _ *option, v any) { c.ipam.auxiliary = v.(map[string]any) }},
	{verbs: "network create", name: "ConfigFrom", kind: &kindString, body: "ConfigFrom.Network"},
	{verbs: "network create", name: "ConfigOnly", kind: &kindFlag, body: "ConfigOnly"},
	{verbs: "network create", name: "Driver", kind: &kindString, body: "Driver"},
	{verbs: "network create", name: "Gateway", kind: &kindCommas, set: func(c *Command, _ *option, v any) { c.ipam.gateways = flat(v) }},
	{verbs: "network create", name: "Ingress", kind: &kindFlag, body: "Ingress"},
	{verbs: "network create", name: "Internal", kind: &kindFlag, body: "Internal", safe: true},
	{verbs: "network create", name: "IpRange", kind: &kindCommas, set: func(c *Command, _ *option, v any) { c.ipam.ranges = flat(v) }},
	{verbs: "network create", name: "IpamDriver", kind: &kindString, body: "IPAM.Driver"},
	{verbs: "network create", name: "IpamOpt", kind: &kindPairs, body: "IPAM.Options"},
	{verbs: "network create", name: "Ipv4", kind: &kindFlag, body: "EnableIPv4", set: setAsIs, since: 48, safe: true},
	{verbs: "network create", name: "Ipv6", kind: &kindFlag, body: "EnableIPv6", set: setAsIs, safe: true},
	{verbs: "network create", name: "Opt", kind: &kindPairs, body: "Options"},
	{verbs: "network create", name: "Scope", kind: &kindString, body: "Scope"},
	{verbs: "network create", name: "Subnet", kind: &kindCommas, set: func(c *Command, _ *option, v any) { c.ipam.subnets = flat(v) }},
	{verbs: "network connect", name: "Alias", kind: &kindCommas, body: "EndpointConfig.Aliases", set: setCommas},
	{verbs: "network connect", name: "DriverOpt", kind: &kindAssignments, body: "EndpointConfig.DriverOpts"},
	{verbs: "network connect", name: "GwPriority", kind: &kindWhole, body: "EndpointConfig.GwPriority", since: 48, safe: true},
	{verbs: "network connect", name: "Ip", kind: &kindIPString, body: "EndpointConfig.IPAMConfig.IPv4Address"},
	{verbs: "network connect", name: "Ip6", kind: &kindIPString, body: "EndpointConfig.IPAMConfig.IPv6Address"},
	{verbs: "network connect", name: "Link", kind: &kindLinks, body: "EndpointConfig.Links"},
	{verbs: "network connect", name: "LinkLocalIp", kind: &kindCommas, body: "EndpointConfig.IPAMConfig.LinkLocalIPs", set: setCommas},
	{verbs: "network rm", name: "Force", kind: &kindFlag, set: func(c *Command, _ *option, v any) { c.Missing = v.(bool) }, safe: true},
	{verbs: "network disconnect", name: "Force", kind: &kindFlag, body: "Force", safe: true},

	// ours
	{verbs: "run", name: "Timeout", kind: &kindTimeout, set: func(c *Command, _ *option, v any) { c.Timeout = v.(time.Duration) }, safe: true},
	{verbs: "run", name: "Claim", kind: &kindClaim, set: func(c *Command, _ *option, v any) { claim := v.(Claim); c.Claim = &claim }, safe: true},
	{verbs: "run", name: "Retries", kind: &kindRetries, set: func(c *Command, _ *option, v any) { c.Retries = v.(int) }, safe: true},
	{verbs: "run", name: "RetryOn", kind: &kindRetryOn, set: func(c *Command, _ *option, v any) { c.RetryOn = v.(retryOn) }, safe: true},
	{verbs: "run", name: "ExitCodes", kind: &kindExitCodes, set: func(c *Command, _ *option, v any) { c.ExitCodes = v.(map[int]step) }, safe: true},
}

// exclusion is a flag of docker's that is no option.
type exclusion struct{ verbs, name, reason string }

// shown are the verbs whose answer is the Engine's own JSON.
const shown = "inspect, ps"

const ofCluster = "it is for cluster volumes, which only a Swarm has"

// excluded are the flags of docker's commands that are no options, and why.
var excluded = [...]exclusion{
	{making, "Cidfile", "the container's id is in the response"},
	{making, "CpuCount", "only Engines on Windows have it"},
	{making, "CpuPercent", "only Engines on Windows have it"},
	{making, "Detach", "a run without Attach is detached"},
	{making, "DetachKeys", "nobody sits at the terminal to press them"},
	{making, "DisableContentTrust", "signatures are not looked at; an Image with its digest cannot be another"},
	{making, "DnsOpt", "did you mean DnsOption?"},
	{making, "EnvFile", "files of the dispatcher's machine are not read; give the variables in Env"},
	{making, "Help", "the options are in docs/messages.md"},
	{making, "IoMaxbandwidth", "only Engines on Windows have it"},
	{making, "IoMaxiops", "only Engines on Windows have it"},
	{making, "LabelFile", "files of the dispatcher's machine are not read; give the labels in Label"},
	{making, "Net", "did you mean Network?"},
	{making, "NetAlias", "did you mean NetworkAlias?"},
	{making, "Quiet", "the progress of a pull is not shown anyway"},
	{making, "Rm", "did you mean Remove?"},
	{making, "SigProxy", "the dispatcher's signals are its own; a stop message ends a container"},
	{making, "UseApiSocket", "the dispatcher's own credentials are not given away; the socket alone is a Volume"},
	{"start, exec", "DetachKeys", "nobody sits at the terminal to press them"},
	{"exec", "EnvFile", "files of the dispatcher's machine are not read; give the variables in Env"},
	{"start", "Checkpoint", "checkpoints are an experiment of the Engine's"},
	{"start", "CheckpointDir", "checkpoints are an experiment of the Engine's"},
	{"stop, restart", "T", "did you mean Timeout?"},
	{shown, "Format", "Data has all of the Engine's JSON; pick from that"},
	{"inspect", "Type", "the key that names it says it: Container, Image, Network or Volume"},
	{"ps", "NoTrunc", "nothing in Data is cut"},
	{"ps", "Quiet", "Data has all of the Engine's JSON; pick from that"},
	{"pull", "Quiet", "the progress of a pull is not shown anyway"},
	{"pull", "DisableContentTrust", "signatures are not looked at; an Image with its digest cannot be another"},
	{"cp", "Quiet", "the progress of a copy is not shown anyway"},
	{"volume create", "Availability", ofCluster},
	{"volume create", "Group", ofCluster},
	{"volume create", "LimitBytes", ofCluster},
	{"volume create", "RequiredBytes", ofCluster},
	{"volume create", "Scope", ofCluster},
	{"volume create", "Secret", ofCluster},
	{"volume create", "Sharing", ofCluster},
	{"volume create", "TopologyPreferred", ofCluster},
	{"volume create", "TopologyRequired", ofCluster},
	{"volume create", "Type", ofCluster},
	{"volume create", "Name", "the name is the message's Volume"},
}

// parts are what a newer Engine knows of an option that all have.
var parts = [...]struct {
	option string
	list   string // path in the create body: objects in a list or by names
	path   string // in each of them
	value  any    // there; nil is any
	since  int
}{
	{"Mount", "HostConfig.Mounts", "BindOptions.ReadOnlyForceRecursive", nil, 44},
	{"Mount", "HostConfig.Mounts", "VolumeOptions.Subpath", nil, 45},
	{"Mount", "HostConfig.Mounts", "Type", "image", 48},
	{"MacAddress", endpoints, "MacAddress", nil, 44},
	{"Network", endpoints, "GwPriority", nil, 48},
}

// severalNetworks is the API version that lets a container be made with more than one.
const severalNetworks = 44

// fits says whether API version 1.minor has all that the command asks for. The error is an *Invalid.
func (c *Command) fits(minor int) error {
	for i := range options {
		row := &options[i]
		given := (row.since > minor || row.until != 0 && row.until < minor) && row.of(c.Verb) && (at(c.Body, row.body) != nil || c.Query.Has(row.query))
		switch {
		case given && row.until != 0:
			return &Invalid{Key: "Options." + row.name, Problem: fmt.Sprintf("API versions after 1.%d have it no more; this Engine's is 1.%d", row.until, minor)}
		case given:
			return tooOld(row.name, row.since, minor)
		}
	}
	for _, part := range parts {
		if part.since > minor && hasPart(at(c.Body, part.list), part.path, part.value) {
			return tooOld(part.option, part.since, minor)
		}
	}
	if all, _ := at(c.Body, endpoints).(map[string]any); len(all) > 1 && minor < severalNetworks {
		return tooOld("Network", severalNetworks, minor)
	}
	return nil
}

func tooOld(name string, since, minor int) error {
	return &Invalid{Key: "Options." + name, Problem: fmt.Sprintf("it needs API version 1.%d; this Engine's is 1.%d", since, minor)}
}

func hasPart(list any, path string, value any) bool {
	var objects []any
	switch list := list.(type) {
	case []any:
		objects = list
	case map[string]any:
		for _, object := range list {
			objects = append(objects, object)
		}
	}
	for _, object := range objects {
		if v := at(object.(map[string]any), path); v != nil && (value == nil || v == value) {
			return true
		}
	}
	return false
}

// of says whether a verb has the option.
func (o *option) of(verb string) bool { return among(o.verbs, verb) }

// among says whether a verb is in a list with commas.
func among(verbs, verb string) bool {
	for more := true; more; {
		var v string
		if v, verbs, more = strings.Cut(verbs, ", "); v == verb {
			return true
		}
	}
	return false
}

func setContainer(c *Command, _ *option, v any) { c.Container = v.(string) }

// setMember is setContainer for a container that the body names.
func setMember(c *Command, row *option, v any) {
	setContainer(c, row, v)
	c.set(row.body, v)
}

func setObject(c *Command, row *option, v any) {
	c.Object, c.ObjectKind = v.(string), strings.ToLower(row.name)
}

// setNew is setObject for what the body names.
func setNew(c *Command, row *option, v any) {
	setObject(c, row, v)
	c.set(row.body, v)
}

func setNewName(c *Command, row *option, v any) {
	c.NewName = v.(string)
	c.Query.Set(row.query, c.NewName)
}

// setAsIs puts what means something where it is zero.
func setAsIs(c *Command, row *option, v any) { c.set(row.body, v) }

func setAttach(c *Command, _ *option, v any) { c.Attach = v.(dockerapi.Streams) }

func setHealthCmd(c *Command, row *option, v any) {
	if v != "" {
		c.set(row.body, []string{"CMD-SHELL", v.(string)})
	}
}

func setNoHealthcheck(c *Command, _ *option, v any) { c.noHealthcheck = v.(bool) }

// setFilters makes of name=value what the Engine has: {"name":{"value":true}}.
func setFilters(c *Command, row *option, v any) {
	filters := map[string]any{}
	for _, filter := range v.([]any) {
		p := filter.(pair)
		inner(filters, strings.ToLower(strings.TrimSpace(p.key)))[strings.TrimSpace(p.value.(string))] = true
	}
	c.Query.Set(row.query, asJSON(filters))
}

// setPlatforms makes of os/architecture[/variant] the object that the Engine has.
func setPlatforms(c *Command, row *option, v any) {
	parts := append(strings.Split(v.(string), "/"), "", "")
	platform := map[string]any{}
	for i, key := range []string{"os", "architecture", "variant"} {
		put(platform, key, parts[i])
		if parts[i] == "" {
			delete(platform, key)
		}
	}
	c.Query.Set(row.query, asJSON(platform))
}

func asJSON(object map[string]any) string {
	text, err := json.Marshal(object)
	if err != nil {
		panic(err) // strings and booleans: always representable
	}
	return string(text)
}
