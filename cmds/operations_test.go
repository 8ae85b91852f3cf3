package cmds

import (
	"context"
	"slices"
	"strings"
	"testing"

	"docker-dispatch/dockerapi"
)

// holdsToOperations fails the test at a call that the table has not of the command on whose behalf it is made.
func holdsToOperations(t *testing.T) func(context.Context, dockerapi.Record) (func(dockerapi.Record), error) {
	return func(ctx context.Context, r dockerapi.Record) (func(dockerapi.Record), error) {
		b, _ := ctx.Value(behalf{}).(behalf)
		its := func(door string) bool {
			return door == b.verb || b.verb == "inspect" && strings.HasPrefix(door, "inspect ") || b.verb == "cp" && door == "cp into"
		}
		if !slices.Contains(operationsOf(its), r.Operation) {
			t.Errorf("%s, of %q: the table has it not", r.Operation, b.verb)
		}
		return func(dockerapi.Record) {}, nil
	}
}

// Every door has operations that there are; and all that the program can call is behind one.
func TestOperations(t *testing.T) {
	var known []string
	for _, c := range dockerapi.Calls() {
		known = append(known, c.Operation)
	}
	for _, d := range doors {
		for operation := range strings.FieldsSeq(d.operations) {
			if !slices.Contains(known, operation) {
				t.Errorf("%s: there is no operation %s", d.name, operation)
			}
			if strings.Contains(unasked, operation) {
				t.Errorf("%s: %s is everybody's", d.name, operation)
			}
		}
	}
	slices.Sort(known)
	if got := operationsOf(func(string) bool { return true }); !slices.Equal(got, slices.Compact(known)) {
		t.Errorf("all commands come to\n%q, the calls table has\n%q", got, slices.Compact(known))
	}
}

// A policy reaches the operations of what it lets through, be that for some containers only.
func TestPolicyOperations(t *testing.T) {
	const own = "ContainerDelete ContainerInspect ContainerList ContainerStop SystemPing VolumeDelete VolumeList"
	shut := `"run": false, "create": false, "start": false, "stop": false, "restart": false, "kill": false, "pause": false, "unpause": false, "remove": false, "wait": false, "exec": false,
		"logs": false, "inspect": false, "rename": false, "update": false, "pull": false, "ps": false, "cp": false`
	for policy, want := range map[string]string{
		`{"Verbs": {` + shut + `}}`: own,
		`{"Verbs": {` + strings.Replace(shut, `"kill": false`, `"kill": ["web-*"]`, 1) + `}}`:     own + " ContainerKill",
		`{"Verbs": {` + strings.Replace(shut, `"pause": false`, `"pause": "own"`, 1) + `}}`:       own + " ContainerPause",
		`{"Verbs": {` + strings.Replace(shut, `"pull": false`, `"inspect image": true`, 1) + `}}`: own + " ImageCreate ImageInspect",
	} {
		p, err := parsePolicy([]byte(policy))
		if err != nil {
			t.Fatal(err)
		}
		names := strings.Fields(want)
		slices.Sort(names)
		if got := p.Operations(); !slices.Equal(got, names) {
			t.Errorf("%s\ngot  %q\nwant %q", policy, got, names)
		}
	}
	if got := NewPolicy().Operations(); slices.Contains(got, "ImageDelete") || slices.Contains(got, "NetworkCreate") || !slices.Contains(got, "ContainerCreate") {
		t.Errorf("without a policy: %q", got)
	}
}
