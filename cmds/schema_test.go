package cmds

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"
)

// What is no message is none by the schema. What is one is looked at wherever these tests understand one.
func TestSchemaRefuses(t *testing.T) {
	for _, tt := range []struct{ message, why string }{
		{`[]`, "$: not object"},
		{`"run"`, "$: not object"},
		{`{}`, "$: lacks Dockercmd"},
		{`{"Image":"busybox"}`, "$: lacks Dockercmd"},
		{`{"Dockercmd":null}`, "$.Dockercmd: not of the list"},
		{`{"Dockercmd":"RUN","Image":"busybox"}`, "$.Dockercmd: not of the list"},
		{`{"Dockercmd":"run\n","Image":"busybox"}`, "$.Dockercmd: not of the list"},
		{`{"Dockercmd":"run"}`, "$: lacks Image"},
		{`{"Dockercmd":"run","Image":""}`, "$.Image: not like ^[!-~]+$"},
		{`{"Dockercmd":"run","Image":"a b"}`, "$.Image: not like ^[!-~]+$"},
		{`{"Dockercmd":"run","Image":"busybox","image":"busybox"}`, "$.image: not allowed"},
		{`{"Dockercmd":"run","Image":"busybox","Cmd":"echo hello"}`, "$.Cmd: not array"},
		{`{"Dockercmd":"run","Image":"busybox","Cmd":["echo",null]}`, "$.Cmd[1]: not string"},
		{`{"Dockercmd":"run","Image":"busybox","Container":"hello"}`, "$.Container: not allowed"},
		{`{"Dockercmd":"run","Image":"busybox","Options":null}`, "$.Options: not object"},
		{`{"Dockercmd":"run","Image":"busybox","Options":[]}`, "$.Options: not object"},
		{`{"Dockercmd":"run","Image":"busybox","Options":{"Atach":[]}}`, "$.Options.Atach: not allowed"},
		{`{"Dockercmd":"run","Image":"busybox","Options":{"EnvFile":"/etc/passwd"}}`, "$.Options.EnvFile: not allowed"},
		{`{"Dockercmd":"run","Image":"busybox","Options":{"Attach":1}}`, "$.Options.Attach: none of the kinds"},
		{`{"Dockercmd":"run","Image":"busybox","Options":{"Attach":["STDLOG"]}}`, "$.Options.Attach: none of the kinds"},
		{`{"Dockercmd":"run","Image":"busybox","Options":{"Privileged":"true"}}`, "$.Options.Privileged: not boolean"},
		{`{"Dockercmd":"run","Image":"busybox","Options":{"Memory":true}}`, "$.Options.Memory: not string or number"},
		{`{"Dockercmd":"run","Image":"busybox","Options":{"Memory":["512m"]}}`, "$.Options.Memory: not string or number"},
		{`{"Dockercmd":"run","Image":"busybox","Options":{"CapAdd":{"a":"b"}}}`, "$.Options.CapAdd: not string or number or array"},
		{`{"Dockercmd":"run","Image":"busybox","Options":{"Dns":[["8.8.8.8"]]}}`, "$.Options.Dns[0]: not string or number"},
		{`{"Dockercmd":"run","Image":"busybox","Options":{"Env":{"A":1}}}`, "$.Options.Env.A: not string"},
		{`{"Dockercmd":"run","Image":"busybox","Options":{"Env":{"A=B":"1"}}}`, "$.Options.Env.A=B: not like ^[^=]+$"},
		{`{"Dockercmd":"run","Image":"busybox","Options":{"Env":{"":"1"}}}`, "$.Options.Env.: not like ^[^=]+$"},
		{`{"Dockercmd":"run","Image":"busybox","Options":{"CpuShares":"512"}}`, "$.Options.CpuShares: not integer"},
		{`{"Dockercmd":"run","Image":"busybox","Options":{"BlkioWeight":70000}}`, "$.Options.BlkioWeight: 65535 is maximum"},
		{`{"Dockercmd":"run","Image":"busybox","Options":{"StopTimeout":-2}}`, "$.Options.StopTimeout: -1 is minimum"},
		{`{"Dockercmd":"run","Image":"busybox","Options":{"HealthInterval":30}}`, "$.Options.HealthInterval: not string"},
		{`{"Dockercmd":"run","Image":"busybox","Options":{"HealthInterval":"30"}}`, "$.Options.HealthInterval: not like ^[-+]?(0|([0-9.]+(ns|us|µs|μs|ms|s|m|h))+)$"},
		{`{"Dockercmd":"run","Image":"busybox","Options":{"Cgroupns":"mine"}}`, "$.Options.Cgroupns: not of the list"},
		{`{"Dockercmd":"run","Image":"busybox","Options":{"Restart":"sometimes"}}`, "$.Options.Restart: not like ^((no|always|unless-stopped|on-failure)(:[-+]?[0-9]*)?)?$"},
		{`{"Dockercmd":"run","Image":"busybox","Options":{"Name":"a/b"}}`, "$.Options.Name: not like ^[a-zA-Z0-9][a-zA-Z0-9_.-]{1,254}$"},
		{`{"Dockercmd":"run","Image":"busybox","Options":{"Timeout":0}}`, "$.Options.Timeout: 0 is exclusiveMinimum"},
		{`{"Dockercmd":"run","Image":"busybox","Options":{"Claim":10}}`, "$.Options.Claim: none of the kinds"},
		{`{"Dockercmd":"run","Image":"busybox","Options":{"Retries":1.5}}`, "$.Options.Retries: not integer"},
		{`{"Dockercmd":"run","Image":"busybox","Options":{"RetryOn":["75"]}}`, "$.Options.RetryOn[0]: none of the kinds"},
		{`{"Dockercmd":"run","Image":"busybox","Options":{"ExitCodes":{"01":"dead"}}}`, "$.Options.ExitCodes.01: not like ^(0|[1-9][0-9]{0,2})$"},
		{`{"Dockercmd":"run","Image":"busybox","Options":{"ExitCodes":{"1":"again"}}}`, "$.Options.ExitCodes.1: not of the list"},
		{`{"Dockercmd":"run","Image":"busybox","StdinBase64":"_-8="}`, "$.StdinBase64: not like ^[A-Za-z0-9+/=\r\n]*$"},
		{`{"Dockercmd":"create","Image":"busybox","Options":{"Retries":1}}`, "$.Options.Retries: not allowed"},
		{`{"Dockercmd":"stop"}`, "$: lacks Container"},
		{`{"Dockercmd":"stop","Container":"x y"}`, "$.Container: not like ^[a-zA-Z0-9][a-zA-Z0-9_.-]{1,254}$"},
		{`{"Dockercmd":"stop","Container":"web","Options":{"Force":true}}`, "$.Options.Force: not allowed"},
		{`{"Dockercmd":"rm","Container":"web","Options":{"Time":5}}`, "$.Options.Time: not allowed"},
		{`{"Dockercmd":"exec","Container":"web"}`, "$: lacks Cmd"},
		{`{"Dockercmd":"rename","Container":"web"}`, "$: lacks NewName"},
		{`{"Dockercmd":"pause","Container":"web","Options":{"Time":5}}`, "$.Options.Time: not allowed"},
		{`{"Dockercmd":"cp","Container":"web","Path":""}`, "$.Path: 1 is minLength"},
		{`{"Dockercmd":"network create","Network":"` + strings.Repeat("x", 256) + `"}`, "$.Network: 255 is maxLength"},
		{`{"Dockercmd":"network connect","Network":"backend"}`, "$: lacks Container"},
	} {
		if err := checkSchema([]byte(tt.message)); err == nil || err.Error() != tt.why {
			t.Errorf("%s\ngot  %v\nwant %s", tt.message, err, tt.why)
		}
		if _, err := understand(tt.message); err == nil {
			t.Errorf("%s: understood", tt.message)
		}
	}
}

// Every message that docker's CLI is compared by is one by the schema if it is understood, and every one that is shown is both.
func TestSchemaAccepts(t *testing.T) {
	accepted := 0
	for _, m := range comparedMessages(t) {
		_, err := understand(m)
		var bad *Invalid
		switch {
		case err == nil:
			accepted++
		case !errors.As(err, &bad):
			t.Errorf("%v in\n%s", err, m)
		}
	}
	if accepted < 400 {
		t.Errorf("only %d messages are understood", accepted)
	}
	for _, m := range documented(t) {
		if _, err := understand(m); err != nil {
			t.Errorf("%v in\n%s", err, m)
		}
	}
}

// documented are the messages of the documents, and those of examples.
func documented(t *testing.T) (messages []string) {
	blocks := regexp.MustCompile("(?ms)^```json\n(.*?)^```$")
	for _, file := range []string{"../README.md", documentFile} {
		for _, block := range blocks.FindAllStringSubmatch(readFile(t, file), -1) {
			for values := json.NewDecoder(strings.NewReader(block[1])); values.More(); {
				var value json.RawMessage
				if err := values.Decode(&value); err != nil {
					t.Fatalf("%s: %v in\n%s", file, err, block[1])
				}
				if bytes.Contains(value, []byte(`"Dockercmd"`)) && !bytes.Contains(value, []byte(`"Event"`)) {
					messages = append(messages, string(value))
				}
			}
		}
	}
	files, err := filepath.Glob("../examples/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, file := range files {
		messages = append(messages, readFile(t, file))
	}
	return messages
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// Each kind that is read from JSON says what JSON that is, and each key has its description.
func TestSchemaIsWhole(t *testing.T) {
	for _, o := range slices.Concat(arguments[:], options[:]) {
		if o.kind.read != nil && !slices.ContainsFunc(schemas[:], func(s kindSchema) bool { return s.kind == o.kind }) {
			t.Errorf("%s: %s has no schema", o.name, o.kind.name)
		}
	}
	if got, want := rowOf(t, "run", "CpuRtPeriod").description(), "whole number; docker's --cpu-rt-period"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := rowOf(t, "create", "MacAddress").description(), "MAC address; docker's --mac-address; API 1.44 and later"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := rowOf(t, "run", "Retries").description(), "whole number, 0 to 90"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A writer that fails ends it.
func TestSchemaIsWritten(t *testing.T) {
	if err := WriteSchema(brokenPipe{}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, os.ErrClosed }

// messageSchema is what WriteSchema writes, read again.
var messageSchema = sync.OnceValue(func() map[string]any {
	var text bytes.Buffer
	if err := WriteSchema(&text); err != nil {
		panic(err)
	}
	schema, err := readValue(text.Bytes())
	if err != nil {
		panic(err)
	}
	return schema.(map[string]any)
})

// readValue leaves numbers as they are written.
func readValue(text []byte) (value any, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return value, d.Decode(&value)
}

// checkSchema holds a message to the schema.
func checkSchema(message []byte) error {
	value, err := readValue(message)
	if err != nil {
		return err
	}
	return checkValue("$", messageSchema(), value)
}

// checkValue holds a value to a schema, by each of its keywords in turn.
func checkValue(path string, schema, value any) error {
	keywords, ok := schema.(map[string]any)
	switch {
	case schema == true:
		return nil
	case !ok:
		return errors.New(path + ": not allowed")
	}
	for _, word := range slices.Sorted(maps.Keys(keywords)) {
		if err := checkKeyword(path, keywords, word, value); err != nil {
			return err
		}
	}
	return nil
}

// checkKeyword knows the keywords that the schema has, and no more.
func checkKeyword(path string, schema map[string]any, word string, value any) error {
	rule := schema[word]
	text, isText := value.(string)
	members, _ := value.(map[string]any)
	switch word {
	case "$schema", "$defs", "title", "description", "contentEncoding", "then":
	case "$ref":
		name := strings.TrimPrefix(rule.(string), "#/$defs/")
		return checkValue(path, messageSchema()["$defs"].(map[string]any)[name], value)
	case "type":
		return checkType(path, rule, value)
	case "minimum", "maximum", "exclusiveMinimum", "minLength", "maxLength":
		return checkBound(path, word, rule, value)
	case "const":
		if !sameValue(rule, value) {
			return fmt.Errorf("%s: not %v", path, rule)
		}
	case "enum":
		if !slices.ContainsFunc(rule.([]any), func(one any) bool { return sameValue(one, value) }) {
			return fmt.Errorf("%s: not of the list", path)
		}
	case "pattern":
		if isText && !regexp.MustCompile(rule.(string)).MatchString(text) {
			return fmt.Errorf("%s: not like %v", path, rule)
		}
	case "required":
		for _, key := range rule.([]any) {
			if _, ok := members[key.(string)]; members != nil && !ok {
				return fmt.Errorf("%s: lacks %v", path, key)
			}
		}
	case "items":
		list, _ := value.([]any)
		for i, item := range list {
			if err := checkValue(fmt.Sprintf("%s[%d]", path, i), rule, item); err != nil {
				return err
			}
		}
	case "propertyNames":
		for _, key := range slices.Sorted(maps.Keys(members)) {
			if err := checkValue(path+"."+key, rule, key); err != nil {
				return err
			}
		}
	case "properties":
		for _, key := range slices.Sorted(maps.Keys(members)) {
			if property, ok := rule.(map[string]any)[key]; ok {
				if err := checkValue(path+"."+key, property, members[key]); err != nil {
					return err
				}
			}
		}
	case "additionalProperties":
		properties, _ := schema["properties"].(map[string]any)
		for _, key := range slices.Sorted(maps.Keys(members)) {
			if _, ok := properties[key]; !ok {
				if err := checkValue(path+"."+key, rule, members[key]); err != nil {
					return err
				}
			}
		}
	case "allOf":
		for _, part := range rule.([]any) {
			if err := checkValue(path, part, value); err != nil {
				return err
			}
		}
	case "anyOf":
		if !slices.ContainsFunc(rule.([]any), func(one any) bool { return checkValue(path, one, value) == nil }) {
			return fmt.Errorf("%s: none of the kinds", path)
		}
	case "if":
		if checkValue(path, rule, value) == nil {
			return checkValue(path, schema["then"], value)
		}
	default:
		return fmt.Errorf("%s: the keyword %q is not known to this test", path, word)
	}
	return nil
}

// checkBound holds numbers to the bounds of numbers, and texts to those of their length in characters.
func checkBound(path, word string, rule, value any) error {
	limit, _ := numberOf(rule)
	n, ok := numberOf(value)
	if text, isText := value.(string); strings.HasSuffix(word, "Length") {
		n, ok = float64(utf8.RuneCountInString(text)), isText
	}
	switch {
	case !ok:
	case strings.HasPrefix(word, "min") && n < limit, strings.HasPrefix(word, "max") && n > limit, word == "exclusiveMinimum" && n <= limit:
		return fmt.Errorf("%s: %v is %s", path, rule, word)
	}
	return nil
}

func checkType(path string, rule, value any) error {
	names, several := rule.([]any)
	if !several {
		names = []any{rule}
	}
	var known []string
	for _, name := range names {
		if isType(name.(string), value) {
			return nil
		}
		known = append(known, name.(string))
	}
	return errors.New(path + ": not " + strings.Join(known, " or "))
}

func isType(name string, value any) bool {
	switch value.(type) {
	case nil:
		return name == "null"
	case bool:
		return name == "boolean"
	case string:
		return name == "string"
	case []any:
		return name == "array"
	case map[string]any:
		return name == "object"
	}
	number, ok := numberOf(value)
	return name == "number" || name == "integer" && ok && number == math.Trunc(number)
}

// numberOf is 0 for what is no number.
func numberOf(value any) (number float64, ok bool) {
	text, ok := value.(json.Number)
	if !ok {
		return 0, false
	}
	number, _ = text.Float64() // one that is too large is infinite
	return number, true
}

func sameValue(a, b any) bool {
	x, isNumber := numberOf(a)
	y, areNumbers := numberOf(b)
	if isNumber && areNumbers {
		return x == y
	}
	return reflect.DeepEqual(a, b)
}
