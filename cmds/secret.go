package cmds

import (
	"strings"

	"docker-dispatch/wire"
)

// secretKeys are those of a message whose values are not to be told, such as passwords: neither in results nor in the log, nor
// in the headers of the dead queue. What a container writes, and what inspect is asked for, is its own affair.
var secretKeys = map[string]bool{
	"Options":           true, // when it is no object: nobody knows what it has
	"Options.Env":       true,
	"Options.LogOpt":    true, // tokens of log services
	"Options.Opt":       true, // passwords of volumes on other machines
	"Options.DriverOpt": true,
	"Stdin":             true,
	"StdinBase64":       true,
	"TarBase64":         true,
}

// redacted is a key and its value for an error. Below a secret key the names are told, but for one that has its value with it:
// NAME=value in the place of NAME.
func redacted(key, value string) (string, string) {
	top := key
	if option, within := strings.CutPrefix(key, "Options."); within {
		name, _, _ := strings.Cut(option, ".")
		top = "Options." + name
	}
	if !secretKeys[top] && !(top == "Options.Mount" && strings.Contains(strings.ToLower(value), "volume-opt")) {
		return key, value
	}
	if strings.Contains(key, "=") {
		key = top + "." + wire.Redacted
	}
	if value != "" {
		value = wire.Redacted
	}
	return key, value
}
