package cmds

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
)

// parseCapability takes a capability in any letter case, with or without CAP_, or ALL.
func parseCapability(s string) (any, error) {
	name := strings.ToUpper(s)
	if name != "ALL" && !strings.HasPrefix(name, "CAP_") {
		name = "CAP_" + name
	}
	return pair{name, nil}, nil
}

// setSorted puts the names of pairs that have no values.
func setSorted(c *Command, row *option, v any) { c.put(row.body, sortedKeys(v.(map[string]any))) }

// profiles are those of seccomp that an Engine knows by name. Each other one is JSON.
var profiles = []string{"unconfined", "builtin"}

// unmasked is what docker's CLI makes two lists of, and does not send.
const unmasked = "systempaths=unconfined"

// parseSecurityOpt takes key=value or key:value. A profile of seccomp is a JSON text where docker's CLI reads a file.
func parseSecurityOpt(s string) (any, error) {
	key, value, ok := strings.Cut(s, "=")
	if !ok && key != "no-new-privileges" {
		key, value, ok = strings.Cut(s, ":")
	}
	switch {
	case key == "no-new-privileges":
		return s, nil
	case !ok || value == "":
		return nil, errors.New(`not key=value (try "no-new-privileges" or "apparmor=unconfined")`)
	case key != "seccomp" || slices.Contains(profiles, value):
		return s, nil
	case !strings.HasPrefix(value, "{"):
		return nil, errors.New(`files of the dispatcher's machine are not read; give the profile itself ("seccomp={…}")`)
	}
	var profile bytes.Buffer
	if json.Compact(&profile, []byte(value)) != nil {
		return nil, errors.New("the profile is not JSON")
	}
	return "seccomp=" + profile.String(), nil
}

func setSecurityOpt(c *Command, row *option, v any) {
	kept := []any{}
	for _, opt := range v.([]any) {
		if opt != unmasked {
			kept = append(kept, opt)
			continue
		}
		c.set("HostConfig.MaskedPaths", []string{})
		c.set("HostConfig.ReadonlyPaths", []string{})
	}
	c.put(row.body, kept)
}

// sysctls are the kernel's settings that a container has for itself, or the beginnings of their names.
var sysctls = []string{
	"kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem", "kernel.shmall", "kernel.shmmax", "kernel.shmmni",
	"kernel.shm_rmid_forced", "net.", "fs.mqueue.",
}

func parseSysctl(s string) (any, error) {
	name, _, _ := strings.Cut(s, "=")
	for _, known := range sysctls {
		if name == known || strings.HasSuffix(known, ".") && strings.HasPrefix(name, known) {
			return parseAssignment(s)
		}
	}
	return nil, errors.New("not a setting that a container has for itself (net.…=, fs.mqueue.…=, and some of kernel.…=)")
}
