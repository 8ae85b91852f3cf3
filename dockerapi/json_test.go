package dockerapi

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"
)

// bodyOfARun is a usual one.
func bodyOfARun() map[string]any {
	return map[string]any{
		"Image": "busybox", "Cmd": []string{"echo", "hello"}, "AttachStdout": true, "AttachStderr": true, "StopTimeout": int64(5),
		"Env": []string{"GREETING=hello", "DOCKER_DISPATCH_ATTEMPT=1"},
		"Labels": map[string]string{
			"docker-dispatch.message-id": "0123456789", "docker-dispatch.queue": "jobs", "docker-dispatch.attempt": "1",
			"docker-dispatch.digest": strings.Repeat("0123456789abcdef", 4), "docker-dispatch.dispatcher": "here", "docker-dispatch.remove": "true",
		},
		"HostConfig": map[string]any{"Memory": int64(64 << 20), "NetworkMode": "none", "LogConfig": map[string]any{"Type": "none"}},
	}
}

// What is written here is what json.Marshal writes.
func TestAppendJSON(t *testing.T) {
	for _, value := range []any{
		bodyOfARun(), nil, "", "plain ~", "\x7f", "tab\t", "é", "\xff", `"`, `\`, "<", ">", "&", "\u2028", true, false, int64(math.MinInt64), 1, 1.5, json.Number("1e9"),
		[]string(nil), []string{}, []string{"a", "é", "\n"}, []any{"a", int64(1), nil, map[string]any{"b": "c"}},
		map[string]string(nil), map[string]string{}, map[string]string{"b<": "1", "a": "\xff", "": "&"},
		map[string]any(nil), map[string]any{}, map[string]any{"z": nil, "é": []string{"\""}, "a": map[string]any{"b": []int{1}}, "raw": json.RawMessage(`{"a": [1]}`)},
		struct{ Message string }{"<"},
	} {
		want, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := appendJSON([]byte("before "), value); string(got) != "before "+string(want) || err != nil {
			t.Errorf("%#v is\n%s, %v, want\n%s", value, got, err, want)
		}
	}
	for _, value := range []any{map[string]any{"a": math.NaN()}, map[string]any{"a": []any{make(chan int)}}, json.RawMessage("{")} {
		if got, err := appendJSON(nil, value); err == nil {
			t.Errorf("%#v is %s", value, got)
		}
	}
}

// Any JSON comes out as from json.Marshal.
func FuzzAppendJSON(f *testing.F) {
	for _, seed := range []string{`{"a":{"b":["c",1,true,null]},"\u00e9<":"\u2028"}`, `["\ud800"]`, `"\u007f"`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var value any
		if json.Unmarshal(text, &value) != nil {
			return
		}
		want, _ := json.Marshal(value)
		if got, err := appendJSON(nil, value); string(got) != string(want) || err != nil {
			t.Errorf("%s, %v, want\n%s", got, err, want)
		}
	})
}

func BenchmarkCreateBody(b *testing.B) {
	body := bodyOfARun()
	for name, write := range map[string]func() ([]byte, error){
		"here":         func() ([]byte, error) { return appendJSON(make([]byte, 0, usualBody), body) },
		"json.Marshal": func() ([]byte, error) { return json.Marshal(body) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := write(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// What is known at a glance is what json.Unmarshal reads, and what is nearly so is left to that.
func TestDecode(t *testing.T) {
	for _, text := range []string{
		`{"Id":"0123456789abcdef","Warnings":[]}`, "{\"Id\":\"0a\",\"Warnings\":[]}\n", `{"Id":"0a","Warnings":null}`, `{"Id":"0a","Warnings":["x"]}`, `{"Id":"","Warnings":[]}`,
		`{"Id":"\u0061","Warnings":[]}`, `{"Id":"a","Warnings":[],"Id":"b","Warnings":[]}`, `{"Id":"Warnings":[]}`, `{"Id":","Warnings":[]}`, `{"Id":"a","Warnings":[]}}`,
		`{"StatusCode":0}`, "{\"StatusCode\":0}\n", `{"StatusCode":1}`, `{"StatusCode":-0}`, `{"StatusCode":00}`, `{"StatusCode":}`, `{"StatusCode":0,"Error":null}`, `{"Error":null,"StatusCode":0}`, "{\"Error\":null,\"StatusCode\":0}\n",
		`{"Error":{"Message":"x"},"StatusCode":0}`, `{"StatusCode":0}}`, ``, `{}`, `null`, `{`, "\n",
	} {
		var got, want Created
		gotErr, wantErr := decode([]byte(text), &got), json.Unmarshal([]byte(text), &want)
		if (gotErr == nil) != (wantErr == nil) || !reflect.DeepEqual(got, want) {
			t.Errorf("%q is %+v, %v, want %+v, %v", text, got, gotErr, want, wantErr)
		}
		var code, wanted exited
		gotErr, wantErr = decode([]byte(text), &code), json.Unmarshal([]byte(text), &wanted)
		if (gotErr == nil) != (wantErr == nil) || !reflect.DeepEqual(code, wanted) {
			t.Errorf("%q is %+v, %v, want %+v, %v", text, code, gotErr, wanted, wantErr)
		}
	}
}
