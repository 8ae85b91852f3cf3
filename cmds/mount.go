package cmds

import (
	"errors"
	"strconv"
	"strings"
)

var errRelative = errors.New("a relative path, and of no folder that the Engine knows; give an absolute one")

// mountFields are the parts of a Mount, by docker's --mount.
var mountFields = []field{
	{name: "type", path: "Type", parse: parseLower},
	{name: "source", path: "Source", parse: parseSource},
	{name: "src", path: "Source", parse: parseSource},
	{name: "target", path: "Target"},
	{name: "destination", path: "Target"},
	{name: "dst", path: "Target"},
	{name: "readonly", path: "ReadOnly", parse: parseBool, flag: true},
	{name: "ro", path: "ReadOnly", parse: parseBool, flag: true},
	{name: "consistency", path: "Consistency", parse: parseLower},
	{name: "bind-propagation", path: "BindOptions.Propagation", parse: parseLower},
	{name: "bind-nonrecursive", path: "BindOptions.NonRecursive", parse: parseBool, flag: true},
	{name: "bind-recursive", path: "BindOptions", parse: parseRecursive},
	{name: "volume-nocopy", path: "VolumeOptions.NoCopy", parse: parseBool, flag: true},
	{name: "volume-label", path: "VolumeOptions.Labels", parse: parseVolumeLabel},
	{name: "volume-driver", path: "VolumeOptions.DriverConfig.Name"},
	{name: "volume-opt", path: "VolumeOptions.DriverConfig.Options", parse: parsePair},
	{name: "volume-subpath", path: "VolumeOptions.Subpath"},
	{name: "image-subpath", path: "ImageOptions.Subpath"},
	{name: "tmpfs-size", path: "TmpfsOptions.SizeBytes", parse: parseSize},
	{name: "tmpfs-mode", path: "TmpfsOptions.Mode", parse: parseMode},
}

// mountFamilies are the parts that one type of mount alone has.
var mountFamilies = []struct{ kind, path string }{
	{"bind", "BindOptions"},
	{"volume", "VolumeOptions"},
	{"image", "ImageOptions"},
	{"tmpfs", "TmpfsOptions"},
}

func parseMount(s string) (any, error) {
	mount, err := compose(s, mountFields, true)
	if err != nil {
		return nil, err
	}
	if mount["Type"] == nil {
		mount["Type"] = "volume"
	}
	for _, family := range mountFamilies {
		if mount[family.path] != nil && mount["Type"] != family.kind {
			return nil, errors.New(family.kind + "-… is only for type=" + family.kind)
		}
	}
	readonly := mount["ReadOnly"] == true
	switch {
	case mount["Type"] == "":
		return nil, errors.New("its type is empty")
	case mount["Target"] == nil || mount["Target"] == "":
		return nil, errors.New("it has no target (target=/path)")
	case at(mount, "BindOptions.ReadOnlyNonRecursive") == true && !readonly:
		return nil, errors.New("bind-recursive=writable needs readonly")
	case at(mount, "BindOptions.ReadOnlyForceRecursive") == true && (!readonly || at(mount, "BindOptions.Propagation") != "rprivate"):
		return nil, errors.New("bind-recursive=readonly needs readonly and bind-propagation=rprivate")
	}
	return mount, nil
}

// parseVolumeLabel takes what docker's CLI does, but for the dispatcher's own: what it counts of a run is in volumes with these.
func parseVolumeLabel(s string) (any, error) {
	if strings.HasPrefix(s, labelPrefix) {
		return nil, errors.New("the labels " + labelPrefix + "… are the dispatcher's own")
	}
	return parsePair(s)
}

func parseLower(s string) (any, error) { return strings.ToLower(s), nil }

func parseSource(s string) (any, error) {
	if strings.HasPrefix(s, ".") {
		return nil, errRelative
	}
	return s, nil
}

func parseBool(s string) (any, error) {
	b, err := strconv.ParseBool(s)
	if err != nil {
		return nil, errors.New("neither true nor false")
	}
	return b, nil
}

func parseRecursive(s string) (any, error) {
	switch s {
	case "enabled": // the Engine's own way
		return pair{"NonRecursive", false}, nil
	case "disabled":
		return pair{"NonRecursive", true}, nil
	case "writable":
		return pair{"ReadOnlyNonRecursive", true}, nil
	case "readonly":
		return pair{"ReadOnlyForceRecursive", true}, nil
	}
	return nil, errors.New("not enabled, disabled, writable or readonly")
}

// parseMode reads octal digits.
func parseMode(s string) (any, error) {
	mode, err := strconv.ParseUint(s, 8, 32)
	if err != nil {
		return nil, errors.New("not a mode in octal (try 1777)")
	}
	return mode, nil
}

// volume is a value of docker's --volume. Source is "" for an anonymous one.
type volume struct{ spec, source string }

// parseVolume reads [source:]target[:options]. As docker has it, a letter before a colon is a drive of Windows, and the options
// are the Engine's to know.
func parseVolume(spec string) (any, error) {
	parts := volumeParts(spec)
	for _, part := range parts {
		if part == "" {
			return nil, errors.New(`not a volume: nothing before, after or between colons (try "/host:/container:ro" or "name:/container")`)
		}
	}
	switch {
	case len(parts) > 3:
		return nil, errors.New(`not a volume: too many colons (try "/host:/container:ro" or "name:/container")`)
	case len(parts) == 1:
		return volume{spec: spec}, nil
	case strings.HasPrefix(spec, "."):
		return nil, errRelative
	}
	return volume{spec, parts[0]}, nil
}

func volumeParts(spec string) (parts []string) {
	if len(spec) <= 2 {
		return []string{spec}
	}
	drive := ""
	all := strings.Split(spec, ":")
	for i, part := range all {
		if drive == "" && len(part) == 1 && isLetter(part[0]) && i < len(all)-1 {
			drive = part + ":"
			continue
		}
		parts = append(parts, drive+part)
		drive = ""
	}
	return parts
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// setVolumes puts volumes that have a source into Binds, each once, and anonymous ones into Volumes.
func setVolumes(c *Command, row *option, v any) {
	seen := map[string]bool{}
	var binds []any
	for _, value := range v.([]any) {
		switch v := value.(volume); {
		case v.source == "":
			inner(c.Body, "Volumes")[v.spec] = map[string]any{}
		case !seen[v.spec]:
			seen[v.spec] = true
			binds = append(binds, v.spec)
		}
	}
	c.put(row.body, binds)
}

// parseTmpfs takes path[:options].
func parseTmpfs(s string) (any, error) {
	path, options, _ := strings.Cut(s, ":")
	if !strings.HasPrefix(path, "/") {
		return nil, errors.New(`not an absolute path (try "/tmp:size=64m")`)
	}
	return pair{path, options}, nil
}
