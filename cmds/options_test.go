package cmds

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// bodyOf is the create body of a run with these options, without what every run has.
func bodyOf(t *testing.T, options string) string {
	t.Helper()
	c, err := understand(runWith + options + `}`)
	if err != nil {
		return err.Error()
	}
	env := c.Body["Env"].([]string)
	c.Body["Env"] = env[:len(env)-1]
	for name := range c.labels() {
		if strings.HasPrefix(name, labelPrefix) {
			delete(c.labels(), name)
		}
	}
	for _, key := range []string{"Env", "Labels"} {
		if reflect.ValueOf(c.Body[key]).Len() == 0 {
			delete(c.Body, key)
		}
	}
	delete(c.Body, "Image")
	text, err := json.Marshal(c.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// What a command line cannot say: the forms of JSON.
func TestOptionForms(t *testing.T) {
	profile := `{\n \"defaultAction\": \"SCMP_ACT_ALLOW\"\n}`
	for _, tt := range []struct{ options, want string }{
		{`{"Env":{"A":"1","B":"x=y","C":""}}`, `{"Env":["A=1","B=x=y","C="]}`},
		{`{"Env":["B=1","A=2","B=3"]}`, `{"Env":["A=2","B=3"]}`},
		{`{"Env":"A=1"}`, `{"Env":["A=1"]}`},
		{`{"Env":[]}`, `{}`},
		{`{"Env":{"A":1}}`, `Options.Env.A: ***: not a string`},
		{`{"Env":{"A=B":"1"}}`, `Options.Env.***: a name is not empty and has no "="`},
		{`{"Env":{"":"1"}}`, `Options.Env."": a name is not empty and has no "="`},
		{`{"Env":{"A":"1","A":"2"}}`, `Options.Env.A: given twice`},
		{`{"Env":{"DOCKER_DISPATCH_ATTEMPT":"9"}}`, `Options.Env."DOCKER_DISPATCH_ATTEMPT": ***: that is the dispatcher's to set`},
		{`{"Env":["A"]}`, `Options.Env: ***: it has no value, and the dispatcher's own is not given away (NAME=value)`},
		{`{"Env":[null]}`, `Options.Env: ***: not a list of NAME=value, or object`},
		{`{"Env":null}`, `Options.Env: ***: not a list of NAME=value, or object`},
		{`{"Env":true}`, `Options.Env: ***: not a list of NAME=value, or object`},
		{`{"Label":{"a":"b","c d":"e"}}`, `Options.Label."c d": "e": a label's name has no blanks`},
		{`{"Mount":"dst=/d,volume-label=docker-dispatch.trial=x"}`, `Options.Mount: "dst=/d,volume-label=docker-dispatch.trial=x": volume-label: the labels docker-dispatch.… are the dispatcher's own`},
		{`{"Label":{"docker-dispatch.message":"x"}}`, `Options.Label."docker-dispatch.message": "x": the labels docker-dispatch.… are the dispatcher's own`},
		{`{"Label":{"a":"b"}}`, `{"Labels":{"a":"b"}}`},
		{`{"LogOpt":{"max-size":"1m"},"Sysctl":{"net.core.somaxconn":"9"}}`, `{"HostConfig":{"LogConfig":{"Config":{"max-size":"1m"}},"Sysctls":{"net.core.somaxconn":"9"}}}`},
		{`{"CapAdd":{"a":"b"}}`, `Options.CapAdd: {"a":"b"}: not a list of capabilities`},
		{`{"CapDrop":"all"}`, `{"HostConfig":{"CapDrop":["ALL"]}}`},
		{`{"Memory":536870912,"Cpus":1.5,"User":1000}`, `{"HostConfig":{"Memory":536870912,"NanoCpus":1500000000},"User":"1000"}`},
		{`{"Memory":1e3}`, `{"HostConfig":{"Memory":1000}}`},
		{`{"Memory":-1}`, `Options.Memory: -1: not a size (try "512m" or "2g")`},
		{`{"Memory":true}`, `Options.Memory: true: not a size such as "512m"`},
		{`{"Memory":["512m"]}`, `Options.Memory: ["512m"]: not a size such as "512m"`},
		{`{"Memory":"9e999"}`, `Options.Memory: "9e999": not a size (try "512m" or "2g")`},
		{`{"Memory":"nan"}`, `Options.Memory: "nan": not a size (try "512m" or "2g")`},
		{`{"Cpus":1e-1}`, `Options.Cpus: 1e-1: not a number of CPUs (try 1.5)`},
		{`{"Cpus":"99999999999999999999"}`, `Options.Cpus: "99999999999999999999": not a number of CPUs (try 1.5)`},
		{`{"CpuShares":"512"}`, `Options.CpuShares: "512": not a whole number (without quotes)`},
		{`{"HealthInterval":30}`, `Options.HealthInterval: 30: not a time such as "30s"`},
		{`{"Privileged":"true"}`, `Options.Privileged: "true": not true or false, without quotes`},
		{`{"Publish":[80,"81:82"]}`, `{"ExposedPorts":{"80/tcp":{},"82/tcp":{}},"HostConfig":{"PortBindings":{"80/tcp":[{"HostIp":"","HostPort":""}],"82/tcp":[{"HostIp":"","HostPort":"81"}]}}}`},
		{`{"Publish":["1-40000","1-40000"]}`, `Options.Publish: more than 65536 ports`},
		{`{"SecurityOpt":"seccomp=` + profile + `"}`, `{"HostConfig":{"SecurityOpt":["seccomp={\"defaultAction\":\"SCMP_ACT_ALLOW\"}"]}}`},
		{`{"SecurityOpt":"seccomp={"}`, `Options.SecurityOpt: "seccomp={": the profile is not JSON`},
		{`{"Hostname":"","Restart":"","Volume":[],"Privileged":false,"Memory":0,"HealthCmd":"","NoHealthcheck":false}`, `{}`},
		{`{"Init":false,"StopTimeout":0,"MemorySwappiness":0}`, `{"HostConfig":{"Init":false,"MemorySwappiness":0},"StopTimeout":0}`},
		{`{"Network":"a,b\n= exited 0"}`, `{"HostConfig":{"NetworkMode":"a,b\n= exited 0"}}`},
		{`{"Network":"name=*,alias=x","NetworkAlias":"y"}`, `Options.NetworkAlias: Options.Network has one of its own`},
	} {
		if got := bodyOf(t, tt.options); got != tt.want {
			t.Errorf("%s\ngot  %s\nwant %s", tt.options, got, tt.want)
		}
	}
}

func TestExcludedOptions(t *testing.T) {
	for _, flag := range excluded {
		for verb := range strings.SplitSeq(flag.verbs, ", ") {
			c := Command{Verb: verb}
			_, err := c.row("Options", flag.name, options[:])
			if want := "Options." + flag.name + ": " + flag.reason; err == nil || err.Error() != want {
				t.Errorf("%s: got  %v\nwant %s", verb, err, want)
			}
		}
	}
}

// Each row says all that documents and policies need.
func TestOptionRows(t *testing.T) {
	seen := map[string]bool{}
	for _, o := range slices.Concat(arguments[:], options[:]) {
		if o.kind == nil || o.kind.name == "" || (o.kind.read == nil) == (o.kind.parse == nil) {
			t.Errorf("%s: no kind of value, or one without a reader", o.name)
		}
		if o.body == "" && o.query == "" && o.set == nil {
			t.Errorf("%s sets nothing", o.name)
		}
		for verb := range strings.SplitSeq(o.verbs, ", ") {
			if seen[verb+" "+o.name] {
				t.Errorf("%s has %s twice", verb, o.name)
			}
			seen[verb+" "+o.name] = true
		}
	}
}

func TestTerminalInput(t *testing.T) {
	run := `{"Dockercmd":"run","Image":"busybox","Options":{"Attach":["STDIN"],"Tty":%t},"Stdin":"a\u0010\u0011b"}`
	const want = "Stdin: it has ctrl-p and ctrl-q, by which a terminal is left; leave Options.Tty out"
	if _, err := understand(fmt.Sprintf(run, true)); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if _, err := understand(fmt.Sprintf(run, false)); err != nil {
		t.Error(err)
	}
}

// Each part of an option that a newer Engine alone knows is refused on an older one.
func TestFits(t *testing.T) {
	for _, tt := range []struct {
		options     string
		old, enough int
		want        string
	}{
		{`{"Annotation":"a=b"}`, 42, 43, "Annotation: it needs API version 1.43; this Engine's is 1.42"},
		{`{"HealthStartInterval":"1s"}`, 43, 44, "HealthStartInterval: it needs API version 1.44; this Engine's is 1.43"},
		{`{"MacAddress":"92:d0:c6:0a:29:33"}`, 41, 44, "MacAddress: it needs API version 1.44; this Engine's is 1.41"},
		{`{"Network":"name=a,mac-address=92:d0:c6:0a:29:33"}`, 41, 44, "MacAddress: it needs API version 1.44; this Engine's is 1.41"},
		{`{"Network":["a","b"]}`, 43, 44, "Network: it needs API version 1.44; this Engine's is 1.43"},
		{`{"Network":"name=a,gw-priority=1"}`, 47, 48, "Network: it needs API version 1.48; this Engine's is 1.47"},
		{`{"Mount":"dst=/a,volume-subpath=b"}`, 44, 45, "Mount: it needs API version 1.45; this Engine's is 1.44"},
		{`{"Mount":["dst=/b","type=image,src=i,dst=/a,image-subpath=b"]}`, 47, 48, "Mount: it needs API version 1.48; this Engine's is 1.47"},
		{`{"KernelMemory":"64m"}`, 42, 41, "KernelMemory: API versions after 1.41 have it no more; this Engine's is 1.42"},
	} {
		c, err := understand(runWith + tt.options + `}`)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.fits(tt.old); err == nil || err.Error() != "Options."+tt.want {
			t.Errorf("%s: got %v, want %s", tt.options, err, tt.want)
		}
		if err := c.fits(tt.enough); err != nil {
			t.Errorf("%s: %v", tt.options, err)
		}
	}
}

// An Engine that is too old for an option is asked for nothing, and the message is kept.
func TestHostTooOld(t *testing.T) {
	s := newStage(t, map[string]program{"hello": sayHello})
	for _, pull := range []string{"always", "missing"} {
		c, err := s.command("m", strings.Replace(attached("hello"), `{"Name"`, `{"Pull":"`+pull+`","Annotation":"a=b","Name"`, 1))
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.host.Do(t.Context(), &c, &Streams{printer: s.Printer})
		var bad *Invalid
		if want := "Options.Annotation: it needs API version 1.43; this Engine's is 1.41"; !errors.As(err, &bad) || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if calls := s.calls.take(); calls != "" {
		t.Errorf("called %s", calls)
	}
}

func TestHostPullPolicy(t *testing.T) {
	for _, tt := range []struct{ policy, image, out, calls string }{
		{"always", "far:latest", helloAll, "ImageCreate 200, " + helloCalls},
		{"never", "far:latest", "hello                = error: No such image: far:latest\nm: ack\n", "ContainerCreate 404"},
		{"missing", "far:latest", helloAll, "ContainerCreate 404, ImageCreate 200, " + helloCalls},
		{"", "far:latest", helloAll, "ContainerCreate 404, ImageCreate 200, " + helloCalls},
	} {
		t.Run(tt.policy, func(t *testing.T) {
			s := newStage(t, map[string]program{"remote/far:latest": sayHello})
			s.give("m", strings.Replace(attached(tt.image), `{"Name"`, `{"Pull":"`+tt.policy+`","Name"`, 1))
			s.ends(t, tt.out, tt.calls)
		})
	}
}

// The platform of a run is asked for at its create and at its pull.
func TestHostPlatform(t *testing.T) {
	s := newStage(t, map[string]program{"remote/far:latest": sayHello})
	var platforms []string
	for _, operation := range []string{"create", "pull"} {
		s.bend(operation, func(w http.ResponseWriter, r *http.Request, answer http.HandlerFunc) {
			platforms = append(platforms, r.URL.Query().Get("platform"))
			answer(w, r)
		})
	}
	s.give("m", strings.Replace(attached("far:latest"), `{"Name"`, `{"Platform":"Linux/ARM64","Name"`, 1))
	s.ends(t, helloAll, "ContainerCreate 404, ImageCreate 200, "+helloCalls)
	if want := []string{"linux/arm64", "linux/arm64"}; !slices.Equal(platforms, want) {
		t.Errorf("platforms %q, want %q", platforms, want)
	}
}
