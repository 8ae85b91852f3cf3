package cmds

import (
	"fmt"
	"strings"
	"time"

	"docker-dispatch/dockerapi"
)

// option is one key of a message, what its value looks like, and what it sets: one or several of body, query and set say the
// latter.
type option struct {
	verbs string // that have it, with blanks between
	name  string // of docker's flag, with a capital for each word: CapAdd for --cap-add
	kind  *kind

	body  string                       // path in the body of ContainerCreate, where it is put unless it is zero or set says otherwise
	query string                       // key in the query of the verb's own call
	set   func(*Command, *option, any) //
	since int                          // the API version 1.since that it needs; 0: any
	until int                          // the last API version that has it; 0: all
	safe  bool                         // it gives the container no power over the host, nor over other containers
}

// making are the verbs that make a container.
const making = "run"

// arguments are the keys at the top of a message, beside Dockercmd and Options.
var arguments = [...]option{
	{verbs: making, name: "Image", kind: &kindImage, body: "Image", safe: true},
	{verbs: making, name: "Cmd", kind: &kindWords, body: "Cmd", set: setAsIs, safe: true},
	{verbs: "run", name: "Stdin", kind: &kindText, set: func(c *Command, _ *option, v any) { c.Stdin = []byte(v.(string)) }, safe: true},
	{verbs: "run", name: "StdinBase64", kind: &kindBase64, set: func(c *Command, _ *option, v any) { c.Stdin = v.([]byte) }, safe: true},
	{verbs: "stop remove", name: "Container", kind: &kindContainer, set: setContainer},
}

// options are the keys of the object Options.
var options = [...]option{
	// docker's
	{verbs: making, name: "AddHost", kind: &kindHosts, body: "HostConfig.ExtraHosts", safe: true},
	{verbs: making, name: "Annotation", kind: &kindPairs, body: "HostConfig.Annotations", since: 43},
	{verbs: making, name: "Attach", kind: &kindStreams, set: setAttach, safe: true},
	{verbs: making, name: "BlkioWeight", kind: &kindWeight, body: "HostConfig.BlkioWeight", safe: true},
	{verbs: making, name: "BlkioWeightDevice", kind: &kindDeviceWeights, body: "HostConfig.BlkioWeightDevice", safe: true},
	{verbs: making, name: "CapAdd", kind: &kindCapabilities, body: "HostConfig.CapAdd", set: setSorted},
	{verbs: making, name: "CapDrop", kind: &kindCapabilities, body: "HostConfig.CapDrop", set: setSorted, safe: true},
	{verbs: making, name: "CgroupParent", kind: &kindString, body: "HostConfig.CgroupParent"},
	{verbs: making, name: "Cgroupns", kind: &kindCgroupns, body: "HostConfig.CgroupnsMode"},
	{verbs: making, name: "CpuPeriod", kind: &kindWhole, body: "HostConfig.CpuPeriod", safe: true},
	{verbs: making, name: "CpuQuota", kind: &kindWhole, body: "HostConfig.CpuQuota", safe: true},
	{verbs: making, name: "CpuRtPeriod", kind: &kindWhole, body: "HostConfig.CpuRealtimePeriod"},
	{verbs: making, name: "CpuRtRuntime", kind: &kindWhole, body: "HostConfig.CpuRealtimeRuntime"},
	{verbs: making, name: "CpuShares", kind: &kindWhole, body: "HostConfig.CpuShares", safe: true},
	{verbs: making, name: "Cpus", kind: &kindCPUs, body: "HostConfig.NanoCpus", safe: true},
	{verbs: making, name: "CpusetCpus", kind: &kindString, body: "HostConfig.CpusetCpus", safe: true},
	{verbs: making, name: "CpusetMems", kind: &kindString, body: "HostConfig.CpusetMems", safe: true},
	{verbs: making, name: "Device", kind: &kindDevices, body: "HostConfig.Devices", set: setDevices},
	{verbs: making, name: "DeviceCgroupRule", kind: &kindDeviceRules, body: "HostConfig.DeviceCgroupRules"},
	{verbs: making, name: "DeviceReadBps", kind: &kindDeviceBytes, body: "HostConfig.BlkioDeviceReadBps", safe: true},
	{verbs: making, name: "DeviceReadIops", kind: &kindDeviceRates, body: "HostConfig.BlkioDeviceReadIOps", safe: true},
	{verbs: making, name: "DeviceWriteBps", kind: &kindDeviceBytes, body: "HostConfig.BlkioDeviceWriteBps", safe: true},
	{verbs: making, name: "DeviceWriteIops", kind: &kindDeviceRates, body: "HostConfig.BlkioDeviceWriteIOps", safe: true},
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
	{verbs: making, name: "KernelMemory", kind: &kindSize, body: "HostConfig.KernelMemory", until: 41, safe: true},
	{verbs: making, name: "Label", kind: &kindLabels, body: "Labels", set: setLabels, safe: true},
	{verbs: making, name: "Link", kind: &kindLinks, body: "HostConfig.Links"},
	{verbs: making, name: "LinkLocalIp", kind: &kindStrings, body: firstEndpoint + ".IPAMConfig.LinkLocalIPs"},
	{verbs: making, name: "LogDriver", kind: &kindString, body: "HostConfig.LogConfig.Type"},
	{verbs: making, name: "LogOpt", kind: &kindPairs, body: "HostConfig.LogConfig.Config"},
	{verbs: making, name: "MacAddress", kind: &kindMAC, body: firstEndpoint + ".MacAddress", since: 44},
	{verbs: making, name: "Memory", kind: &kindSize, body: "HostConfig.Memory", safe: true},
	{verbs: making, name: "MemoryReservation", kind: &kindSize, body: "HostConfig.MemoryReservation", safe: true},
	{verbs: making, name: "MemorySwap", kind: &kindSwap, body: "HostConfig.MemorySwap", safe: true},
	{verbs: making, name: "MemorySwappiness", kind: &kindSwappiness, body: "HostConfig.MemorySwappiness", set: setAsIs, safe: true},
	{verbs: making, name: "Mount", kind: &kindMounts, body: "HostConfig.Mounts"},
	{verbs: making, name: "Name", kind: &kindName, query: "name", set: setContainer, safe: true},
	{verbs: making, name: "Network", kind: &kindNetworks, body: "HostConfig.NetworkMode", set: func(c *Command, _ *option, v any) { c.networks = v.([]any) }},
	{verbs: making, name: "NetworkAlias", kind: &kindStrings, body: firstEndpoint + ".Aliases"},
	{verbs: making, name: "NoHealthcheck", kind: &kindFlag, body: "Healthcheck.Test", set: setNoHealthcheck, safe: true},
	{verbs: making, name: "OomKillDisable", kind: &kindFlag, body: "HostConfig.OomKillDisable"},
	{verbs: making, name: "OomScoreAdj", kind: &kindWhole, body: "HostConfig.OomScoreAdj"},
	{verbs: making, name: "Pid", kind: &kindPid, body: "HostConfig.PidMode"},
	{verbs: making, name: "PidsLimit", kind: &kindWhole, body: "HostConfig.PidsLimit", safe: true},
	{verbs: making, name: "Platform", kind: &kindPlatform, query: "platform", safe: true},
	{verbs: making, name: "Privileged", kind: &kindFlag, body: "HostConfig.Privileged"},
	{verbs: making, name: "Publish", kind: &kindPublish, body: "HostConfig.PortBindings", set: func(c *Command, _ *option, v any) { c.published = v.([]any) }},
	{verbs: making, name: "PublishAll", kind: &kindFlag, body: "HostConfig.PublishAllPorts"},
	{verbs: making, name: "Pull", kind: &kindPull, set: func(c *Command, _ *option, v any) { c.Pull = v.(string) }, safe: true},
	{verbs: making, name: "ReadOnly", kind: &kindFlag, body: "HostConfig.ReadonlyRootfs", safe: true},
	{verbs: making, name: "Remove", kind: &kindFlag, set: func(c *Command, _ *option, v any) { c.Remove = v.(bool) }, safe: true},
	{verbs: making, name: "Restart", kind: &kindRestart, body: "HostConfig.RestartPolicy"},
	{verbs: making, name: "Runtime", kind: &kindString, body: "HostConfig.Runtime"},
	{verbs: making, name: "SecurityOpt", kind: &kindSecurityOpts, body: "HostConfig.SecurityOpt", set: setSecurityOpt},
	{verbs: making, name: "ShmSize", kind: &kindSize, body: "HostConfig.ShmSize", safe: true},
	{verbs: making, name: "StopSignal", kind: &kindString, body: "StopSignal", safe: true},
	{verbs: making, name: "StopTimeout", kind: &kindSeconds, body: "StopTimeout", set: setAsIs},
	{verbs: making, name: "StorageOpt", kind: &kindAssignments, body: "HostConfig.StorageOpt"},
	{verbs: making, name: "Sysctl", kind: &kindSysctls, body: "HostConfig.Sysctls"},
	{verbs: making, name: "Tmpfs", kind: &kindTmpfs, body: "HostConfig.Tmpfs", safe: true},
	{verbs: making, name: "Tty", kind: &kindFlag, body: "Tty", safe: true},
	{verbs: making, name: "Ulimit", kind: &kindUlimits, body: "HostConfig.Ulimits", set: setUlimits},
	{verbs: making, name: "User", kind: &kindString, body: "User", safe: true},
	{verbs: making, name: "Userns", kind: &kindHostMode, body: "HostConfig.UsernsMode"},
	{verbs: making, name: "Uts", kind: &kindHostMode, body: "HostConfig.UTSMode"},
	{verbs: making, name: "Volume", kind: &kindVolumes, body: "HostConfig.Binds", set: setVolumes},
	{verbs: making, name: "VolumeDriver", kind: &kindString, body: "HostConfig.VolumeDriver"},
	{verbs: making, name: "VolumesFrom", kind: &kindStrings, body: "HostConfig.VolumesFrom"},
	{verbs: making, name: "Workdir", kind: &kindString, body: "WorkingDir", safe: true},
	{verbs: "stop", name: "Time", kind: &kindSeconds, query: "t"},
	{verbs: "remove", name: "Volumes", kind: &kindFlag, query: "v"},
	{verbs: "remove", name: "Force", kind: &kindFlag, query: "force"},

	// ours
	{verbs: "run", name: "Timeout", kind: &kindTimeout, set: func(c *Command, _ *option, v any) { c.Timeout = v.(time.Duration) }, safe: true},
	{verbs: "run", name: "Claim", kind: &kindClaim, set: func(c *Command, _ *option, v any) { claim := v.(Claim); c.Claim = &claim }, safe: true},
	{verbs: "run", name: "Retries", kind: &kindRetries, set: func(c *Command, _ *option, v any) { c.Retries = v.(int) }, safe: true},
	{verbs: "run", name: "RetryOn", kind: &kindRetryOn, set: func(c *Command, _ *option, v any) { c.RetryOn = v.(retryOn) }, safe: true},
	{verbs: "run", name: "ExitCodes", kind: &kindExitCodes, set: func(c *Command, _ *option, v any) { c.ExitCodes = v.(map[int]step) }, safe: true},
}

// excluded are the flags of docker run and docker create that are no options, and why.
var excluded = [...]struct{ name, reason string }{
	{"Cidfile", "the container's id is in the response"},
	{"CpuCount", "only Engines on Windows have it"},
	{"CpuPercent", "only Engines on Windows have it"},
	{"Detach", "a run without Attach is detached"},
	{"DetachKeys", "nobody sits at the terminal to press them"},
	{"DisableContentTrust", "signatures are not looked at; an Image with its digest cannot be another"},
	{"DnsOpt", "did you mean DnsOption?"},
	{"EnvFile", "files of the dispatcher's machine are not read; give the variables in Env"},
	{"Help", "the options are in the README"},
	{"IoMaxbandwidth", "only Engines on Windows have it"},
	{"IoMaxiops", "only Engines on Windows have it"},
	{"LabelFile", "files of the dispatcher's machine are not read; give the labels in Label"},
	{"Net", "did you mean Network?"},
	{"NetAlias", "did you mean NetworkAlias?"},
	{"Quiet", "the progress of a pull is not shown anyway"},
	{"Rm", "did you mean Remove?"},
	{"SigProxy", "the dispatcher's signals are its own; a stop message ends a container"},
	{"UseApiSocket", "the dispatcher's own credentials are not given away; the socket alone is a Volume"},
}

// parts are what a newer Engine knows of an option that all have.
var parts = [...]struct {
	option string
	list   string // path in the create body: objects in a list or by names
	path   string // in each of them
	since  int
}{
	{"Mount", "HostConfig.Mounts", "BindOptions.ReadOnlyForceRecursive", 44},
	{"Mount", "HostConfig.Mounts", "VolumeOptions.Subpath", 45},
	{"Mount", "HostConfig.Mounts", "ImageOptions", 48},
	{"MacAddress", endpoints, "MacAddress", 44},
	{"Network", endpoints, "GwPriority", 48},
}

// severalNetworks is the API version that lets a container be made with more than one.
const severalNetworks = 44

// fits says whether API version 1.minor has all that the command asks for. The error is an *Invalid.
func (c *Command) fits(minor int) error {
	for i := range options {
		row := &options[i]
		given := row.of(c.Verb) && (row.since > minor || row.until != 0 && row.until < minor) && at(c.Body, row.body) != nil
		switch {
		case given && row.until != 0:
			return &Invalid{Key: "Options." + row.name, Problem: fmt.Sprintf("API versions after 1.%d have it no more; this Engine's is 1.%d", row.until, minor)}
		case given:
			return tooOld(row.name, row.since, minor)
		}
	}
	for _, part := range parts {
		if part.since > minor && hasPart(at(c.Body, part.list), part.path) {
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

func hasPart(list any, path string) bool {
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
		if at(object.(map[string]any), path) != nil {
			return true
		}
	}
	return false
}

// of says whether a verb has the option.
func (o *option) of(verb string) bool {
	for word := range strings.SplitSeq(o.verbs, " ") {
		if word == verb {
			return true
		}
	}
	return false
}

func setContainer(c *Command, _ *option, v any) { c.Container = v.(string) }

// setAsIs puts what means something where it is zero.
func setAsIs(c *Command, row *option, v any) { c.set(row.body, v) }

func setAttach(c *Command, _ *option, v any) { c.Attach = v.(dockerapi.Streams) }

func setHealthCmd(c *Command, row *option, v any) {
	if v != "" {
		c.set(row.body, []string{"CMD-SHELL", v.(string)})
	}
}

func setNoHealthcheck(c *Command, _ *option, v any) { c.noHealthcheck = v.(bool) }
