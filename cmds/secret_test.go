package cmds

import (
	"strings"
	"testing"

	"docker-dispatch/wire"
)

// TestNoSecretInMistakes has a secret in every place of a message that has one, written wrongly in every way.
func TestNoSecretInMistakes(t *testing.T) {
	const secret = "hunter2"
	const run = `{"Dockercmd":"run","Image":"busybox","Options":{"Attach":["STDIN"],"Interactive":true`
	for _, body := range []string{
		run + `,"Env":"hunter2"}}`,
		run + `,"Env":["PASSWORD","hunter2"]}}`,
		run + `,"Env":["=hunter2"]}}`,
		run + `,"Env":["DOCKER_DISPATCH_ATTEMPT=hunter2"]}}`,
		run + `,"Env":[{"PASSWORD":"hunter2"}]}}`,
		run + `,"Env":[["PASSWORD=hunter2"]]}}`,
		run + `,"Env":{"PASSWORD":["hunter2"]}}}`,
		run + `,"Env":{"PASSWORD":{"x":"hunter2"}}}}`,
		run + `,"Env":{"PASSWORD=hunter2":""}}}`,
		run + `,"Env":{"PASSWORD=hunter2":1}}}`,
		run + `,"Env":{"PASSWORD=hunter2":"","PASSWORD=hunter2":""}}}`,
		run + `,"Env":{"DOCKER_DISPATCH_ATTEMPT":"hunter2"}}}`,
		run + `,"LogDriver":"splunk","LogOpt":["=hunter2"]}}`,
		run + `,"Mount":"dst=/d,volume-opt=o=password=hunter2,size=1"}}`,
		run + `,"Mount":["dst=/d,Volume-Opt=o=password=hunter2,size=1"]}}`,
		run + `,"LogDriver":"splunk","LogOpt":{"splunk-token":["hunter2"]}}}`,
		run + `},"Stdin":["hunter2"]}`,
		run + `},"Stdin":{"x":"hunter2"}}`,
		run + `},"StdinBase64":"hunter2"}`,
		run + `},"StdinBase64":["hunter2"]}`,
		`{"Dockercmd":"run","Image":"busybox","Options":["Env=PASSWORD=hunter2"]}`,
		`{"Dockercmd":"run","Image":"busybox","Stdin":"hunter2"}`,
		`{"Dockercmd":"exec","Container":"db","Cmd":["true"],"Options":{"Env":["hunter2"]}}`,
		`{"Dockercmd":"cp","Container":"db","Path":"/","TarBase64":"hunter2"}`,
		`{"Dockercmd":"volume create","Volume":"v","Options":{"Opt":["=hunter2"]}}`,
		`{"Dockercmd":"volume create","Volume":"v","Options":{"Opt":{"o":["password=hunter2"]}}}`,
		`{"Dockercmd":"run","Image":"busybox","Options":{"Env":["PASSWORD=hunter2"]} "Cmd":["true"]}`,
		`{"Dockercmd":"run","Image":"busybox","Options":{"Env":["PASSWORD=hunter2"`,
	} {
		m, err := Decode(wire.Delivery{Body: []byte(body)}, 1<<20)
		if err == nil {
			err = new(Command).Resolve(m, "dispatcher")
		}
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%s\nis said to be %v", body, err)
		}
	}
}
