package cmds

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
)

// A name that is another container's by the time of the call does not lead there.
func TestReachedById(t *testing.T) {
	d := newStage(t, map[string]program{"sleeper": func(c *container) int {
		<-c.killed
		return 0
	}})
	h := d.host
	for _, name := range []string{"web", "foreign"} {
		c, err := understand(fmt.Sprintf(`{"Dockercmd":"run","Image":"sleeper","Options":{"Name":%q}}`, name))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.Do(behalf{verb: c.Verb}.on(t.Context()), &c, &Streams{printer: d.Printer}); err != nil {
			t.Fatal(err)
		}
	}
	own, foreign := d.find("web"), d.find("foreign")
	own.change(func() { own.labels[labelQueue], own.labels[labelDigest] = "jobs", "x" })
	foreign.change(func() { foreign.labels[labelQueue] = "others" })
	swap := func(w http.ResponseWriter, r *http.Request, answer http.HandlerFunc) {
		answer(w, r)
		foreign.change(func() { foreign.name = "web" })
		own.change(func() { own.name = "foreign" })
	}
	d.bend("json", swap)
	c, err := understand(`{"Dockercmd":"stop","Container":"web"}`)
	if err != nil {
		t.Fatal(err)
	}
	c.Reach, c.Message.Queue = &owned, "jobs"
	res, err := h.Do(behalf{verb: c.Verb}.on(t.Context()), &c, nil)
	if err != nil || res.Name != "web" || own.is() != "exited" || foreign.is() != "running" {
		t.Errorf("%v, %v: its own %s, the foreign one %s", res, err, own.is(), foreign.is())
	}
	c, _ = understand(`{"Dockercmd":"stop","Container":"web"}`)
	c.Reach, c.Message.Queue = &owned, "jobs"
	if _, err := h.Do(behalf{verb: c.Verb}.on(t.Context()), &c, nil); classify(err) != denied || foreign.is() != "running" {
		t.Errorf("%v: the foreign one %s", err, foreign.is())
	}
	for pattern, want := range map[string]failure{"db-*": denied, "web": none} {
		c, _ = understand(`{"Dockercmd":"stop","Container":"` + foreign.id + `"}`)
		c.Reach = &permit{patterns: []string{pattern}}
		if _, err := h.Do(behalf{verb: c.Verb}.on(t.Context()), &c, nil); classify(err) != want {
			t.Errorf("%s: %v", pattern, err)
		}
	}
}

// A denied message goes to the dead queue with the rule that it met, whether the Engine had to be asked or not, and it is not tried again.
func TestDenied(t *testing.T) {
	s := newStage(t, map[string]program{"hello": sayHello})
	s.Obey(NewPolicy())
	deny := func(message, reason, calls string) {
		t.Helper()
		s.give("m", message)
		name := "m"
		if strings.Contains(message, "foreign") {
			name = "foreign"
		}
		s.ends(t, fmt.Sprintf("%-20s = denied: %s\npublished: jobs.dead m in 0s map[docker-dispatch-queue:jobs docker-dispatch-reason:%[2]s] %s\nm: ack\n", name, reason, message), calls)
	}
	deny(runWith+`{"Privileged":true,"Retries":3,"Attach":"STDOUT"}}`, "Options.Privileged: true: the policy grants no Privileged (Grants.Privileged)", "")
	s.host.client.ContainerCreate(behalf{verb: "create"}.on(t.Context()), "foreign", "", map[string]any{"Image": "hello"})
	s.calls.take()
	deny(`{"Dockercmd":"kill","Container":"foreign"}`, `Container: "foreign": it was not made for a message of this queue to kill (Verbs.kill)`, "ContainerInspect 200")
}

// What people read of the policy has all of its words.
func TestPolicyIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../docs/policy.md")
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for i := range doors {
		words = append(words, doors[i].name)
	}
	for _, r := range resources {
		words = append(words, r.name)
	}
	for _, word := range append(words, grantNames()...) {
		if !strings.Contains(string(text), "`"+word+"`") {
			t.Errorf("docs/policy.md does not name %s", word)
		}
	}
}
