package cmds

import (
	"encoding/json"
	"testing"

	"docker-dispatch/wire"
)

// usual is a message with what most have.
var usual = wire.Delivery{
	Properties: wire.Properties{MessageID: "8f14e45f-ceea-4e7b-9c2d-3b1a5d6e7f80"},
	Queue:      "jobs",
	Body: []byte(`{"Dockercmd": "run", "Image": "debian:bookworm-slim", "Cmd": ["sh", "-c", "echo \"$GREETING\"; sleep 1"],
		"Options": {"Name": "hello", "Attach": ["STDOUT", "STDERR"], "Env": {"GREETING": "hello", "LANG": "C.UTF-8"}, "Memory": "64m", "Remove": true}}`),
}

// What a message costs before anything is done, step by step.
func BenchmarkMessage(b *testing.B) {
	policy := NewPolicy()
	for _, step := range []struct {
		name string
		do   func(*job) error
	}{
		{"decode", func(j *job) (err error) { j.message, err = Decode(j.origin, 1<<20); return err }},
		{"resolve", func(j *job) error { return j.command.Resolve(j.message, "here") }},
		{"judge", func(j *job) error { j.judge(policy); return j.err }},
		{"create body", func(j *job) error { _, err := json.Marshal(j.command.Body); return err }},
	} {
		j := &job{origin: usual}
		j.interpret(1<<20, "here")
		b.Run(step.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := step.do(j); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
