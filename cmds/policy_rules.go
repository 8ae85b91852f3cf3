package cmds

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

const (
	networkMode = "HostConfig.NetworkMode"

	grantImages = "Images" // the grant that is a key of its own in the policy's file

	ownVolume = "the volumes " + labelPrefix + "… are the dispatcher's own"
)

// rule says what the value at a path has to have granted, where that is not just its own texts.
type rule struct {
	verbs   string
	path    string // in the body; * is any key, ? begins one of the query
	option  string // that sets it, where the options' table has no row for the path
	demands func(any) []demand
	deeper  bool // what is below is judged too
}

var rules = [...]rule{
	{verbs: making, path: "Image", demands: demandImage},
	{verbs: making, path: "HostConfig.Binds", demands: demandBinds},
	{verbs: making, path: "HostConfig.Mounts", demands: demandMounts},
	{verbs: making, path: "Volumes", option: "Volume", demands: demandVolumes},
	{verbs: making, path: "HostConfig.Tmpfs", demands: demandTmpfs},
	{verbs: making, path: networkMode, demands: demanding("Network")},
	{verbs: making, path: endpoints, option: "Network", demands: demanding("Network"), deeper: true},
	{verbs: making, path: firstEndpoint + ".Links", option: "Network", demands: demanding("Link")},
	{verbs: making, path: firstEndpoint + ".DriverOpts", option: "Network", demands: demanding("DriverOpt")},
	{verbs: making, path: "HostConfig.PortBindings", demands: demandPorts},
	{verbs: making, path: deviceRequests, demands: demandRequests},
	{verbs: making, path: "HostConfig.MaskedPaths", option: "SecurityOpt", demands: demandUnmasked},
	{verbs: making, path: "HostConfig.ReadonlyPaths", option: "SecurityOpt", demands: demandUnmasked},
	{verbs: limiting, path: "HostConfig.RestartPolicy", demands: demandRestart},
	{verbs: "network connect", path: "EndpointConfig.Aliases", demands: demanding("NetworkAlias")},
	{verbs: "network create", path: "Driver", demands: demanding("NetworkDriver")},
	{verbs: "network create", path: "Options", demands: demanding("NetworkOpt")},
	{verbs: "network create", path: "IPAM.Config", option: "Subnet", demands: demandSubnets},
	{verbs: "volume create", path: "Driver", demands: demanding("VolumeDriver")},
	{verbs: "volume create", path: "DriverOpts", demands: func(v any) []demand { return driverDemands(v, v) }},
}

// consequences are the paths that follow from what is sent beside them, or from what nobody has asked for.
var consequences = []string{
	"AttachStdin", "AttachStdout", "AttachStderr", "StdinOnce", "HostConfig.AutoRemove", "Detach", "CheckDuplicate",
	firstEndpoint + ".GwPriority", "?noOverwriteDirNonDir",
}

// grantKind is how the patterns of a grant are read. A grant that has no row here has texts of any kind, and lets none through.
type grantKind struct {
	name    string
	what    string                             // in the words of a denial; "" is the name
	usual   []string                           // what is granted where the policy does not say
	fold    func(string) string                // of both pattern and text: two spellings are one
	match   func(*Policy, string, string) bool // a pattern against a text; nil is glob
	never   func(string) bool                  // texts that no policy can grant
	pattern string                             // regular expression of all that can be patterns; "" is any text
}

var grantKinds = [...]grantKind{
	{name: grantImages, what: "image", fold: foldImage},
	{name: "Bind", what: "bind mount of", match: (*Policy).isBelow, pattern: "^/"},
	{name: "CapAdd", what: "capability", fold: foldCapability, match: matchCapability},
	{name: "Cgroupns", usual: []string{"private"}, match: matchObject},
	{name: "Device", what: "device", match: (*Policy).isDevice},
	{name: "HostPort", what: "port of the host", usual: []string{"1024-65535"}, match: matchPort, pattern: "^[0-9]{1,5}(-[0-9]{1,5})?$"},
	{name: "IpamDriver", usual: []string{"default"}},
	{name: "Ipc", usual: []string{"none", "private", "shareable"}, match: matchObject},
	{name: "Isolation", usual: []string{"default"}},
	{name: "Link", match: matchObject, fold: beforeColon},
	{name: "LogDriver", usual: []string{"json-file", "local", "none"}},
	{name: "LogOpt", usual: []string{"compress", "env", "env-regex", "labels", "labels-regex", "max-buffer-size", "max-file", "max-size", "mode", "tag"}},
	{name: "NamedVolume", what: "volume", never: func(name string) bool { return strings.HasPrefix(name, labelPrefix) }},
	{name: "Network", what: "network", usual: []string{"bridge", "default", "none"}, match: matchObject},
	{name: "NetworkDriver", what: "network driver", usual: []string{"bridge"}},
	{name: "Pid", match: matchObject},
	{name: "Restart", usual: []string{"*"}},
	{name: "SecurityOpt", usual: []string{"no-new-privileges", "no-new-privileges=true"}, fold: foldSecurityOpt},
	{name: "Tmpfs", what: "tmpfs option", usual: tmpfsOptions},
	{name: "Userns", match: matchObject},
	{name: "Uts", match: matchObject},
	{name: "VolumeDriver", what: "volume driver", usual: []string{"local"}},
	{name: "VolumeOpt", what: "volume with options of its driver,"},
	{name: "VolumesFrom", what: "volumes of the container", match: matchObject, fold: beforeColon},
}

// kindOf is the kind of a grant.
func kindOf(name string) grantKind {
	for _, kind := range grantKinds {
		if kind.name == name {
			return kind
		}
	}
	return grantKind{name: name}
}

// grantNames are all that a policy can grant, but images: those of the kinds, and the options that are not safe and have no rule.
func grantNames() (names []string) {
	for _, kind := range grantKinds[1:] {
		names = append(names, kind.name)
	}
	for _, name := range [...]string{"DriverOpt", "Gpus", "NetworkAlias", "NetworkOpt", "Subnet"} {
		names = append(names, name)
	}
	for i := range options {
		row := &options[i]
		verb, _, _ := strings.Cut(row.verbs, ", ")
		judged := row.body != "" && findRule(verb, row.body) == nil || row.query != ""
		if !row.safe && judged && !slices.Contains(names, row.name) {
			names = append(names, row.name)
		}
	}
	slices.SortFunc(names, strings.Compare)
	return names
}

func (k grantKind) matches(p *Policy, pattern, text string) bool {
	if k.fold != nil {
		pattern, text = k.fold(pattern), k.fold(text)
	}
	if k.match != nil {
		return k.match(p, pattern, text)
	}
	return glob(pattern, text, 0)
}

// says names what is not granted.
func (k grantKind) says(d demand) string {
	what := cmp.Or(k.what, k.name)
	if d.whole == true {
		return what
	}
	return what + " " + string(appendVisible(nil, []byte(shorten([]byte(d.text)))))
}

func (k grantKind) rule() string {
	if k.name == grantImages {
		return grantImages
	}
	return "Grants." + k.name
}

func findRule(verb, path string) *rule {
	for i := range rules {
		if rules[i].path == path && among(rules[i].verbs, verb) {
			return &rules[i]
		}
	}
	return nil
}

// demanding makes a rule of a grant.
func demanding(grant string) func(any) []demand {
	return func(value any) []demand { return demandsOf(grant, value) }
}

// demandsOf has a grant's patterns match all texts of a value: those of a list, the keys of an object, or itself.
func demandsOf(grant string, value any) (all []demand) {
	switch v := value.(type) {
	case nil:
	case []any:
		for _, item := range v {
			all = append(all, demand{grant, textOf(item), item})
		}
	case map[string]any:
		for _, key := range sortedKeys(v) {
			all = append(all, demand{grant, key, key})
		}
	default:
		all = append(all, demand{grant, textOf(value), value})
	}
	return all
}

// textOf is what a pattern is for. Objects in lists are known by their names, or by the paths of their devices.
func textOf(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	case map[string]any:
		for _, key := range []string{"Name", "Path", "PathOnHost"} {
			if name, ok := v[key].(string); ok {
				return name
			}
		}
	}
	return ""
}

func demandImage(value any) []demand {
	image, _ := value.(string)
	return []demand{imageDemand(image, false)}
}

// imageDemand has a repository granted with any tag when all of them are wanted.
func imageDemand(image string, allTags bool) demand {
	text := image
	if allTags {
		text += ": all tags"
	}
	return demand{grantImages, text, image}
}

// demandBinds reads what docker's --volume says with a source: a path of the host, or the name of a volume.
func demandBinds(value any) (all []demand) {
	binds, _ := value.([]any)
	for _, bind := range binds {
		source := volumeParts(textOf(bind))[0]
		grant := "NamedVolume"
		if !only(source, "_.-") {
			grant = "Bind"
		}
		all = append(all, demand{grant, source, bind})
	}
	return all
}

// demandVolumes reads the paths of anonymous volumes, which are no one's before.
func demandVolumes(value any) (all []demand) {
	volumes, _ := value.(map[string]any)
	for _, path := range sortedKeys(volumes) {
		if !strings.HasPrefix(path, "/") || strings.Contains(path, ":") {
			all = append(all, demand{"Bind", path, path})
		}
	}
	return all
}

func demandMounts(value any) (all []demand) {
	mounts, _ := value.([]any)
	for _, m := range mounts {
		mount, _ := m.(map[string]any)
		kind, source := textOf(mount["Type"]), textOf(mount["Source"])
		switch kind {
		case "tmpfs":
		case "bind":
			all = append(all, demand{"Bind", source, m})
		case "image":
			all = append(all, demand{grantImages, source, m})
		case "volume":
			if source != "" {
				all = append(all, demand{"NamedVolume", source, m})
			}
			if driver := textOf(at(mount, "VolumeOptions.DriverConfig.Name")); driver != "" {
				all = append(all, demand{"VolumeDriver", driver, m})
			}
			all = append(all, driverDemands(at(mount, "VolumeOptions.DriverConfig.Options"), m)...)
		default:
			all = append(all, demand{"VolumeDriver", kind, m})
		}
	}
	return all
}

// harmless are the options of a tmpfs that say nothing but how large and whose it is, or their beginnings.
var harmless = []string{"size=", "mode=", "uid=", "gid=", "nr_inodes=", "nosuid", "nodev", "noexec", "ro", "rw"}

// tmpfsOptions say how a tmpfs is. Others, such as remount and bind, make the Engine mount something else: the host's /sys, to be written to.
var tmpfsOptions = []string{
	"async", "atime", "defaults", "dev", "diratime", "exec", "gid", "mode", "noatime", "nodev", "nodiratime", "noexec", "norelatime", "nosuid",
	"nr_blocks", "nr_inodes", "relatime", "ro", "rw", "size", "strictatime", "suid", "sync", "uid",
}

// demandTmpfs reads the options by their names.
func demandTmpfs(value any) (all []demand) {
	mounts, _ := value.(map[string]any)
	for _, path := range sortedKeys(mounts) {
		for option := range strings.SplitSeq(textOf(mounts[path]), ",") {
			if name, _, _ := strings.Cut(option, "="); option != "" {
				all = append(all, demand{"Tmpfs", name, path + ":" + option})
			}
		}
	}
	return all
}

// localOptions are those of the driver local that say what is mounted.
var localOptions = []string{"type", "o", "device"}

// driverDemands reads the options of the driver local, by which a volume is whatever mount(8) makes of them. Another driver may have more.
func driverDemands(value, whole any) (all []demand) {
	opts, _ := value.(map[string]any)
	if len(opts) == 0 {
		return nil
	}
	words := strings.Split(textOf(opts["o"]), ",")
	known := func(word string) bool {
		return word == "" || slices.ContainsFunc(harmless, func(h string) bool { return word == h || strings.HasSuffix(h, "=") && strings.HasPrefix(word, h) })
	}
	device := textOf(opts["device"])
	isBind := slices.Contains(words, "bind") || slices.Contains(words, "rbind")
	isTmpfs := opts["type"] == "tmpfs" && device == "tmpfs" && !slices.ContainsFunc(words, func(word string) bool { return !known(word) })
	names := sortedKeys(opts)
	if isBind {
		all = append(all, demand{"Bind", device, whole})
	}
	if !isBind && !isTmpfs || slices.ContainsFunc(names, func(name string) bool { return !slices.Contains(localOptions, name) }) {
		all = append(all, demand{"VolumeOpt", strings.Join(names, ", "), whole})
	}
	return all
}

// demandPorts reads the ports of the host. One that the Engine chooses is free for all.
func demandPorts(value any) (all []demand) {
	bindings, _ := value.(map[string]any)
	for _, key := range sortedKeys(bindings) {
		list, _ := bindings[key].([]any)
		for _, item := range list {
			b, _ := item.(map[string]any)
			if port := textOf(b["HostPort"]); port != "" && port != "0" {
				all = append(all, demand{"HostPort", port, port})
			}
		}
	}
	return all
}

// demandRequests reads the devices that a driver of the Engine's finds: those of the Container Device Interface are devices like
// all others.
func demandRequests(value any) (all []demand) {
	requests, _ := value.([]any)
	for _, item := range requests {
		request, _ := item.(map[string]any)
		ids, _ := request["DeviceIDs"].([]any)
		grant := "Gpus"
		if request["Driver"] == "cdi" {
			grant = "Device"
		}
		for _, id := range ids {
			all = append(all, demand{grant, textOf(id), item})
		}
		count := textOf(request["Count"])
		switch {
		case count == "-1":
			count = "all"
		case count == "" && len(ids) > 0:
			continue
		}
		all = append(all, demand{grant, count, item})
	}
	return all
}

// demandUnmasked is for a path that is there, even empty: then what the Engine hides of the kernel is not hidden.
func demandUnmasked(any) []demand {
	return []demand{{"SecurityOpt", unmasked, unmasked}}
}

func demandRestart(value any) []demand {
	policy, _ := value.(map[string]any)
	return []demand{{"Restart", textOf(policy["Name"]), policy["Name"]}}
}

func demandSubnets(value any) (all []demand) {
	configs, _ := value.([]any)
	for _, item := range configs {
		config, _ := item.(map[string]any)
		all = append(all, demand{"Subnet", textOf(config["Subnet"]), item})
	}
	return all
}
