package cmds

import (
	"cmp"
	"errors"
	"path"
	"slices"
	"strconv"
	"strings"
)

// device is the Engine's DeviceMapping.
type device struct {
	PathOnHost        string
	PathInContainer   string
	CgroupPermissions string
}

// cdiDevice is the name of a device of the Container Device Interface.
type cdiDevice string

var errDevice = errors.New(`not a device (try "/dev/fuse", "/dev/sda:/dev/xvda:r" or "vendor.com/class=name")`)

// parseDevice takes source[:target][:permissions], or a name of the Container Device Interface.
func parseDevice(s string) (any, error) {
	if isCDI(s) {
		return cdiDevice(s), nil
	}
	parts := strings.Split(s, ":")
	if len(parts) > 3 || parts[0] == "" {
		return nil, errDevice
	}
	source := path.Clean(parts[0]) // as docker's CLI does, but not of three parts
	d := device{source, source, "rwm"}
	switch {
	case len(parts) == 1:
	case len(parts) == 2 && isPermissions(parts[1]):
		d.CgroupPermissions = parts[1]
	case len(parts) == 2:
		d.PathOnHost, d.PathInContainer = parts[0], path.Clean(parts[1])
	case len(parts) == 3 && !isPermissions(parts[2]):
		return nil, errors.New("not permissions: any of r, w and m")
	case len(parts) == 3:
		d = device{parts[0], parts[1], parts[2]}
	}
	if !strings.HasPrefix(d.PathInContainer, "/") {
		return nil, errors.New("the device's path in the container is not absolute")
	}
	return d, nil
}

// isPermissions says whether s is of r, w and m, each at most once.
func isPermissions(s string) bool {
	return s != "" && strings.Trim(s, "rwm") == "" && strings.Count(s, "r") < 2 && strings.Count(s, "w") < 2 && strings.Count(s, "m") < 2
}

// isCDI says whether s is vendor/class=name: https://github.com/cncf-tags/container-device-interface.
func isCDI(s string) bool {
	kind, name, _ := strings.Cut(s, "=")
	vendor, class, _ := strings.Cut(kind, "/")
	return isCDIWord(vendor, "_.-") && isLetter(vendor[0]) && isCDIWord(class, "_.-") && isLetter(class[0]) && isCDIWord(name, "_.-:")
}

// isCDIWord says whether s begins and ends with a letter or digit, and has no other characters between than these and more.
func isCDIWord(s, more string) bool {
	return s != "" && isAlphanumeric(s[0]) && isAlphanumeric(s[len(s)-1]) && only(s, more)
}

func setDevices(c *Command, row *option, v any) {
	var mapped, ids []any
	for _, value := range v.([]any) {
		if name, ok := value.(cdiDevice); ok {
			ids = append(ids, string(name))
			continue
		}
		mapped = append(mapped, value)
	}
	c.put(row.body, mapped)
	if ids != nil {
		asked, _ := at(c.Body, deviceRequests).([]any)
		c.set(deviceRequests, append(asked, map[string]any{"Driver": "cdi", "DeviceIDs": ids}))
	}
}

const deviceRequests = "HostConfig.DeviceRequests"

// setGpus asks for GPUs before all other devices, as docker's CLI does.
func setGpus(c *Command, row *option, v any) {
	asked, _ := at(c.Body, row.body).([]any)
	c.put(row.body, append(v.([]any), asked...))
}

// gpuFields are the parts of Gpus, by docker's --gpus.
var gpuFields = []field{
	{name: "driver", path: "Driver", once: true},
	{name: "count", path: "Count", parse: parseGpuCount, once: true},
	{name: "device", path: "DeviceIDs", parse: parseCommas, once: true},
	{name: "capabilities", path: "Capabilities", parse: parseGpuCapabilities, once: true},
	{name: "options", path: "Options", parse: parseGpuOptions, once: true},
}

// parseGpus takes a count, "all" or name=value parts. One GPU is asked for where neither their number nor their names are given.
func parseGpus(s string) (any, error) {
	if !strings.Contains(s, "=") {
		s = "count=" + s
	}
	request, err := compose(s, gpuFields, false)
	if err != nil {
		return nil, err
	}
	if request["Count"] == nil && request["DeviceIDs"] == nil {
		request["Count"] = int64(1)
	}
	if request["Capabilities"] == nil {
		request["Capabilities"] = [][]string{{"gpu"}}
	}
	return request, nil
}

func parseGpuCount(s string) (any, error) {
	if s == "all" {
		return int64(-1), nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return nil, errors.New(`neither "all" nor a whole number`)
	}
	return n, nil
}

func parseCommas(s string) (any, error) { return strings.Split(s, ","), nil }

func parseGpuCapabilities(s string) (any, error) {
	return [][]string{append(strings.Split(s, ","), "gpu")}, nil
}

func parseGpuOptions(s string) (any, error) {
	parts, err := splitQuoted(s)
	options := map[string]string{}
	for _, part := range parts {
		key, value, _ := strings.Cut(part, "=")
		options[key] = value
	}
	return options, err
}

// parseDeviceRule takes what the kernel's devices.allow does: type, major:minor, permissions.
func parseDeviceRule(s string) (any, error) {
	parts := strings.Split(s, " ")
	if len(parts) == 3 {
		major, minor, ok := strings.Cut(parts[1], ":")
		if ok && strings.Contains("acb", parts[0]) && len(parts[0]) == 1 && isNumber(major) && isNumber(minor) &&
			len(parts[2]) <= 3 && parts[2] != "" && strings.Trim(parts[2], "rwm") == "" {
			return s, nil
		}
	}
	return nil, errors.New(`not a rule (try "c 1:3 mr" or "a *:* rwm")`)
}

// isNumber takes * for any.
func isNumber(s string) bool { return s == "*" || s != "" && strings.Trim(s, "0123456789") == "" }

// deviceLimit is the Engine's ThrottleDevice and WeightDevice, of which one has Rate and the other Weight.
type deviceLimit struct {
	Path   string
	Rate   *uint64 `json:",omitempty"`
	Weight *uint64 `json:",omitempty"`
}

// cutDevice takes /dev/…:limit apart.
func cutDevice(s string) (path, limit string, err error) {
	path, limit, ok := strings.Cut(s, ":")
	if !ok || !strings.HasPrefix(path, "/dev/") {
		return "", "", errors.New(`not a device and its limit (try "/dev/sda:100")`)
	}
	return path, limit, nil
}

func parseDeviceBytes(s string) (any, error) {
	path, limit, err := cutDevice(s)
	if err != nil {
		return nil, err
	}
	size, err := parseSize(limit)
	if err != nil {
		return nil, errors.New(`not a device and its bytes a second (try "/dev/sda:10m")`)
	}
	rate := uint64(size.(int64))
	return deviceLimit{Path: path, Rate: &rate}, nil
}

func parseDeviceRate(s string) (any, error) {
	path, limit, err := cutDevice(s)
	if err != nil {
		return nil, err
	}
	rate, err := strconv.ParseUint(limit, 10, 64)
	if err != nil {
		return nil, errors.New(`not a device and its operations a second (try "/dev/sda:100")`)
	}
	return deviceLimit{Path: path, Rate: &rate}, nil
}

func parseDeviceWeight(s string) (any, error) {
	path, limit, err := cutDevice(s)
	if err != nil {
		return nil, err
	}
	weight, err := strconv.ParseUint(limit, 10, 16)
	if err != nil || weight != 0 && (weight < 10 || weight > 1000) {
		return nil, errors.New(`not a device and its weight, 10 to 1000 or 0 (try "/dev/sda:500")`)
	}
	return deviceLimit{Path: path, Weight: &weight}, nil
}

// ulimit is the Engine's; -1 is unlimited.
type ulimit struct {
	Name       string
	Soft, Hard int64
}

var ulimits = []string{
	"core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc", "rss", "rtprio", "rttime", "sigpending",
	"stack",
}

// parseUlimit takes name=soft[:hard].
func parseUlimit(s string) (any, error) {
	name, limits, _ := strings.Cut(s, "=")
	soft, hard, both := strings.Cut(limits, ":")
	if !both {
		hard = soft
	}
	u := ulimit{Name: name}
	var softErr, hardErr error
	u.Soft, softErr = strconv.ParseInt(soft, 10, 64)
	u.Hard, hardErr = strconv.ParseInt(hard, 10, 64)
	switch {
	case !slices.Contains(ulimits, name):
		return nil, errors.New("not one of " + strings.Join(ulimits, ", ") + `, with its limit (try "nofile=1024:2048")`)
	case cmp.Or(softErr, hardErr) != nil:
		return nil, errors.New(`not a limit (try "nofile=1024:2048"; -1 is unlimited)`)
	case u.Hard != -1 && (u.Soft == -1 || u.Soft > u.Hard):
		return nil, errors.New("the soft limit is above the hard one")
	}
	return pair{name, u}, nil
}

func setUlimits(c *Command, row *option, v any) {
	all := v.(map[string]any)
	var list []any
	for _, name := range sortedKeys(all) {
		list = append(list, all[name])
	}
	c.put(row.body, list)
}
