package cmds

import (
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzOption: a value of an option of run is understood, always to the same body, or refused in one bounded line. The cases of
// testdata/oracle.txt, to which docker's CLI has given its answers, are the seeds.
func FuzzOption(f *testing.F) {
	for _, c := range oracleCases {
		_, flags := splitCase(c)
		for name, value := range optionsOf(f, "run", flags) {
			if text, err := json.Marshal(value); err == nil {
				f.Add(name, string(text))
			}
		}
	}
	f.Fuzz(func(t *testing.T, name, value string) {
		if !json.Valid([]byte(value)) {
			quoted, _ := json.Marshal(value)
			value = string(quoted)
		}
		key, _ := json.Marshal(name)
		body := `{"Dockercmd":"run","Image":"image","Options":{` + string(key) + `:` + value + `}}`
		c, err := understand(body)
		var bad *Invalid
		switch {
		case err == nil:
		case !errors.As(err, &bad):
			t.Fatalf("%s: %T %v", body, err, err)
		default:
			if text := err.Error(); len(text) > errorLen || !utf8.ValidString(text) || strings.ContainsFunc(text, deceptive) {
				t.Errorf("%s: the error is %q", body, text)
			}
			return
		}
		first, err := json.Marshal(c.Body)
		if err != nil {
			t.Fatalf("%s: the body cannot be sent: %v", body, err)
		}
		c, err = understand(body)
		if again, problem := json.Marshal(c.Body); err != nil || problem != nil || string(again) != string(first) {
			t.Errorf("%s: %v\n%s\n%s", body, err, first, again)
		}
	})
}

// FuzzConfig: docker's config file is read, or refused without a word of what is in it.
func FuzzConfig(f *testing.F) {
	for _, text := range []string{
		"", "{}", "null", "[]", `{"auths":{"https://index.docker.io/v1/":{"auth":"dTpw"}}}`, `{"auths":{"h:5000":{"auth":"dQ=="}}}`,
		`{"auths":{"h":{"username":"u","password":"p"}},"credsStore":"x","credHelpers":{"h":""}}`, `{"auths":{"h":null}}`, `{"auths":{"h":{"auth":"dTpw\u0000"}}}`,
		`{"auths":{"":{}},"AUTHS":[]}`, "\ufeff{}",
	} {
		f.Add([]byte(text), "docker.io/library/x")
		f.Add([]byte(text), "h:5000/x@sha256:0")
	}
	f.Fuzz(func(t *testing.T, data []byte, image string) {
		const secret = "planted"
		data = append([]byte(strings.ReplaceAll(string(data), "dTpw", "cGxhbnRlZDpwbGFudGVk")), ' ') // planted:planted
		var config dockerConfig
		if err := config.decode(data); err != nil {
			if text := err.Error(); strings.Contains(text, secret) && !strings.Contains(string(data), secret) || len(text) > 4096 {
				t.Errorf("%q: the error is %q", data, text)
			}
			return
		}
		entry, found := config.find(registryOf(image))
		if !found && !entry.isEmpty() {
			t.Errorf("%q has no login for %q, and gives %+v", data, image, entry)
		}
	})
}

// FuzzOptionAgainstDocker: what is accepted here docker's CLI accepts too, and asks the Engine for the same. It starts the CLI for each input, and
// so runs only with $DOCKER_CLI; TestOracle has the seeds at any time.
func FuzzOptionAgainstDocker(f *testing.F) {
	if os.Getenv("DOCKER_CLI") == "" {
		f.Skip("$DOCKER_CLI is not set")
	}
	known := map[string]bool{}
	for _, c := range oracleCases {
		version, flags := splitCase(c)
		if version == oracleAPI && len(flags) == 1 && !slices.Contains(sentOtherwise, c) {
			name, value, found := strings.Cut(strings.TrimPrefix(flags[0], "--"), "=")
			if found && rowOf(f, "run", optionName(name)).kind != &kindFlag {
				known[name] = true
				f.Add(name, value)
			}
		}
	}
	f.Fuzz(func(t *testing.T, name, value string) {
		c := "--" + name + "=" + value
		if !known[name] || name == "platform" || value == "-0" || strings.Contains(value, " --") || strings.Contains(value, "\x00") || !utf8.ValidString(value) || value != strings.TrimSpace(value) {
			t.Skip()
		}
		here := answerHere(t, c)
		if strings.HasPrefix(here, "refused: ") {
			return
		}
		if docker := answerDocker(t, dockerCLI(t), c); docker != here && docker != crashed {
			t.Errorf("%q\ndocker %s\nhere   %s", c, docker, here)
		}
	})
}
