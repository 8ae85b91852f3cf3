package cmds

import (
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"docker-dispatch/wire"
)

func TestAttempt(t *testing.T) {
	for _, tt := range []struct {
		header any
		want   int
	}{
		{nil, 1},
		{int64(1), 1},
		{int64(2), 2},
		{int32(3), 3},
		{int64(maxAttempt), maxAttempt},
		{int64(maxAttempt + 1), 1},
		{int64(0), 1},
		{int64(-2), 1},
		{int32(-2), 1},
		{int64(math.MaxInt64), 1},
		{int64(math.MinInt64), 1},
		{"2", 1},
		{2.0, 1},
		{[]any{int64(2)}, 1},
		{map[string]any{"a": int64(2)}, 1},
		{"2\n= exited 0", 1},
	} {
		if got := identify(wire.Delivery{Properties: wire.Properties{Headers: map[string]any{headerAttempt: tt.header}}}).Attempt; got != tt.want {
			t.Errorf("%T %v: %d, want %d", tt.header, tt.header, got, tt.want)
		}
	}
	if got := identify(wire.Delivery{}).Attempt; got != 1 {
		t.Errorf("without headers: %d", got)
	}
}

func TestIdentityName(t *testing.T) {
	for _, tt := range []struct {
		identity identity
		want     string
	}{
		{identity{Queue: "jobs", ID: "m", Attempt: 1}, "docker-dispatch-378208d520d721c1c1a5"}, // of SHA-256("jobs\x00m")
		{identity{Queue: "jobs", ID: "m", Attempt: 2}, "docker-dispatch-5429ab78d6448d9bf47d"}, // of SHA-256("jobs\x00m\x002")
		{identity{Queue: "jobs", ID: "m", Attempt: 1, Digest: [32]byte{1}}, "docker-dispatch-378208d520d721c1c1a5"},
		{identity{Queue: "jobs", ID: "../\n", Attempt: 1}, "docker-dispatch-0e15665b4c8791f52e37"},
	} {
		if got := tt.identity.name(); got != tt.want || !isName(got) {
			t.Errorf("%+v: %s, want %s", tt.identity, got, tt.want)
		}
	}
	nameless := identity{Queue: "jobs", Attempt: 1}
	if a, b := nameless.name(), nameless.name(); a == b || !isName(a) {
		t.Errorf("two messages without an id have the names %s and %s", a, b)
	}
}

// What decides which container is a message's, and which is another's.
func TestIdentityMade(t *testing.T) {
	i := identify(wire.Delivery{Properties: wire.Properties{MessageID: "m"}, Queue: "jobs", Body: []byte("x")})
	for _, tt := range []struct {
		name         string
		bend         func(labels map[string]string)
		claims, made bool
	}{
		{"its own", func(map[string]string) {}, true, true},
		{"another dispatcher's", func(l map[string]string) { l[labelDispatcher] = "there" }, true, true},
		{"another body", func(l map[string]string) { l[labelDigest] = strings.Repeat("0", 64) }, true, false},
		{"no digest", func(l map[string]string) { delete(l, labelDigest) }, true, false},
		{"another queue", func(l map[string]string) { l[labelQueue] = "jobs2" }, false, false},
		{"another message", func(l map[string]string) { l[labelMessageID] = "m2" }, false, false},
		{"another attempt", func(l map[string]string) { l[labelAttempt] = "2" }, false, false},
		{"an attempt in other words", func(l map[string]string) { l[labelAttempt] = "01" }, false, false},
		{"a stranger's", func(l map[string]string) { clear(l) }, false, false},
	} {
		labels := i.labels()
		tt.bend(labels)
		if i.claims(labels) != tt.claims || i.made(labels) != tt.made {
			t.Errorf("%s: claims %t, made %t", tt.name, i.claims(labels), i.made(labels))
		}
	}
	want := []string{"docker-dispatch.queue=jobs", "docker-dispatch.message-id=m", "docker-dispatch.attempt=1"}
	if got := i.filter(); !slices.Equal(got, want) {
		t.Errorf("filter %q, want %q", got, want)
	}
}

func TestLabels(t *testing.T) {
	const digest = "066b48e8c8a37ce66ad1ea94ac721b9e3f799c64879a5bb64ab75e00ab55892d"
	delivery := wire.Delivery{Properties: wire.Properties{MessageID: "m-1\n"}, Queue: "jobs", Body: []byte(`{"Dockercmd":"run","Image":"busybox"}`)}
	for _, tt := range []struct {
		headers map[string]any
		attempt string
	}{
		{nil, "1"},
		{map[string]any{headerAttempt: int64(7)}, "7"},
		{map[string]any{headerAttempt: "7\nX=y"}, "1"},
	} {
		delivery.Headers = tt.headers
		m, err := Decode(delivery, testMaxBody)
		if err != nil {
			t.Fatal(err)
		}
		var c Command
		err = c.Resolve(m, "here")
		want := map[string]string{
			"docker-dispatch.message-id": "m-1\n",
			"docker-dispatch.digest":     digest,
			"docker-dispatch.queue":      "jobs",
			"docker-dispatch.dispatcher": "here",
			"docker-dispatch.attempt":    tt.attempt,
			"docker-dispatch.detached":   "true",
		}
		if got := c.labels(); err != nil || !maps.Equal(got, want) {
			t.Errorf("got  %q, %v\nwant %q", got, err, want)
		}
		if got, want := c.Body["Env"], []string{"DOCKER_DISPATCH_ATTEMPT=" + tt.attempt}; !reflect.DeepEqual(got, want) {
			t.Errorf("environment %q, want %q", got, want)
		}
	}
	c, err := understand(attached("busybox"))
	_, detached := c.labels()["docker-dispatch.detached"]
	if err != nil || c.labels()["docker-dispatch.remove"] != "true" || detached {
		t.Errorf("of an attached run with Remove: %q, %v", c.labels(), err)
	}
}
