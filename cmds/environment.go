package cmds

import (
	"errors"
	"strings"
)

// envAttempt tells a container the attempt that it is.
const envAttempt = "DOCKER_DISPATCH_ATTEMPT"

// parseEnv takes name=value. What the dispatcher's own environment has never comes into a container.
func parseEnv(s string) (any, error) {
	name, value, ok := strings.Cut(s, "=")
	switch {
	case name == "":
		return nil, errors.New("it has no name (NAME=value)")
	case !ok:
		return nil, errors.New("it has no value, and the dispatcher's own is not given away (NAME=value)")
	case name == envAttempt:
		return nil, errors.New("that is the dispatcher's to set")
	}
	return pair{name, value}, nil
}

func setEnv(c *Command, row *option, v any) {
	all := v.(map[string]any)
	var list []string
	for _, name := range sortedKeys(all) {
		list = append(list, name+"="+all[name].(string))
	}
	c.set(row.body, list)
}

// labelPrefix is that of the dispatcher's own labels.
const labelPrefix = "docker-dispatch."

// parseLabel takes name=value, or a name alone for one without a value.
func parseLabel(s string) (any, error) {
	name, value, _ := strings.Cut(s, "=")
	switch bare := strings.TrimLeft(name, " \t"); {
	case bare == "":
		return nil, errors.New("it has no name (name=value)")
	case strings.ContainsAny(bare, " \t"):
		return nil, errors.New("a label's name has no blanks")
	case strings.HasPrefix(bare, labelPrefix):
		return nil, errors.New("the labels " + labelPrefix + "… are the dispatcher's own")
	}
	return pair{name, value}, nil
}

func setLabels(c *Command, _ *option, v any) {
	labels := map[string]string{}
	for name, value := range v.(map[string]any) {
		labels[name] = value.(string)
	}
	c.set("Labels", labels)
}
