package cmds

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// secret is the password of every login here: no error may show it, nor its base64, nor the beginning of either.
const secret = "~s3cret?>"

// auth is what docker login writes for a user.
func auth(user string) string {
	return `{"auth":"` + base64.StdEncoding.EncodeToString([]byte(user+":"+secret)) + `"}`
}

// loginAt is a config file with one, of u.
func loginAt(registry string) string {
	return fmt.Sprintf(`{"auths":{%q:%s}}`, registry, auth("u"))
}

// sentFor is what is sent for a user, by the key of the login.
func sentFor(user, key string) string {
	return fmt.Sprintf(`{"username":%q,"password":"~s3cret?\u003e","serveraddress":%q}`, user, key)
}

// helped is the error for a login at a registry that a helper has.
func helped(registry, helper string) string {
	return fmt.Sprintf(`error: docker's config file FILE leaves the login at %q to the program %q; programs are not run here, and a scratch image has none: `+
		`write "auths": {%[1]q: {"auth": "…"}} instead, with the base64 of user:password, as docker login does without a helper`, registry, "docker-credential-"+helper)
}

// headers are what is sent for a pull, as JSON, and why none is.
var headers = []struct{ config, image, want string }{
	// nobody is logged in
	{`{}`, "busybox", `{}`},
	{`null`, "busybox", `{}`},
	{`{"auths":null,"HttpHeaders":{"A":"b"},"psFormat":5,"proxies":[]}`, "r.io/a", `{}`},
	{`{"auths":{"r.io":{}}}`, "r.io/a", `{"serveraddress":"r.io"}`},
	{`{"auths":{"r.io":null}}`, "r.io/a", `{"serveraddress":"r.io"}`},

	// the registry of an image
	{loginAt("r.io"), "r.io/a", sentFor("u", "r.io")},
	{loginAt("r.io"), "r.io/a/b:1@sha256:" + strings.Repeat("0", 64), sentFor("u", "r.io")},
	{loginAt("r.io"), "R.io/a", `{}`},
	{loginAt("r.io"), "r.io:443/a", `{}`},
	{loginAt("r.io"), "r.io", `{}`},
	{loginAt("r.io"), "q.io/r.io/a", `{}`},
	{loginAt("r.io"), "docker.io/r.io/a", `{}`},
	{loginAt("r.io:443"), "r.io:443/a", sentFor("u", "r.io:443")},
	{loginAt("r.io:443"), "r.io/a", `{}`},
	{loginAt("localhost"), "localhost/a", sentFor("u", "localhost")},
	{loginAt("Local"), "Local/a", sentFor("u", "Local")},
	{loginAt("local"), "local/a", `{}`},
	{loginAt("127.0.0.1:5000"), "127.0.0.1:5000/a", sentFor("u", "127.0.0.1:5000")},
	{loginAt("[::1]:5000"), "[::1]:5000/a", sentFor("u", "[::1]:5000")},
	{loginAt("https://index.docker.io/v1/"), "busybox", sentFor("u", "https://index.docker.io/v1/")},
	{loginAt("https://index.docker.io/v1/"), "a/b:1", sentFor("u", "https://index.docker.io/v1/")},
	{loginAt("https://index.docker.io/v1/"), "docker.io/a/b", sentFor("u", "https://index.docker.io/v1/")},
	{loginAt("https://index.docker.io/v1/"), "index.docker.io/a/b", sentFor("u", "https://index.docker.io/v1/")},
	{loginAt("https://index.docker.io/v1/"), "local/a", sentFor("u", "https://index.docker.io/v1/")},
	{loginAt("https://index.docker.io/v1/"), "DOCKER.IO/a/b", `{}`},
	{loginAt("https://index.docker.io/v1/"), "r.io/a", `{}`},
	{loginAt("docker.io"), "a/b", `{}`},
	{loginAt("index.docker.io"), "a/b", `{}`},
	{loginAt("https://index.docker.io/v2/"), "a/b", `{}`},

	// the key of a login
	{loginAt("https://r.io"), "r.io/a", sentFor("u", "https://r.io")},
	{loginAt("http://r.io/v1/"), "r.io/a", sentFor("u", "http://r.io/v1/")},
	{loginAt("https://r.io:5000/v2/"), "r.io:5000/a", sentFor("u", "https://r.io:5000/v2/")},
	{loginAt("r.io/v2/"), "r.io/a", sentFor("u", "r.io/v2/")},
	{loginAt("HTTPS://r.io"), "r.io/a", sentFor("u", "HTTPS://r.io")},
	{loginAt("https://R.io"), "r.io/a", `{}`},
	{loginAt("//r.io"), "r.io/a", `{}`},
	{`{"auths":{"https://":` + auth("u") + `,"":` + auth("u") + `}}`, "r.io/a", `{}`},
	{`{"auths":{"https://r.io":` + auth("u") + `,"r.io":` + auth("v") + `}}`, "r.io/a", sentFor("v", "r.io")},

	// a login
	{`{"auths":{"r.io":{"username":"u","password":"` + secret + `"}}}`, "r.io/a", sentFor("u", "r.io")},
	{`{"auths":{"r.io":{"username":"u<&\"é","password":"\u2028\r\nX-A: b"}}}`, "r.io/a", `{"username":"u\u003c\u0026\"é","password":"\u2028\r\nX-A: b","serveraddress":"r.io"}`},
	{`{"auths":{"r.io":{"username":"v","password":"w",` + auth("u")[1:] + `}}`, "r.io/a", sentFor("u", "r.io")},
	{`{"auths":{"r.io":{"email":"e@x","serveraddress":"q.io",` + auth("u")[1:] + `}}`, "r.io/a", `{"username":"u","password":"~s3cret?\u003e","email":"e@x","serveraddress":"r.io"}`},
	{`{"auths":{"r.io":{"identitytoken":"t"}}}`, "r.io/a", `{"serveraddress":"r.io","identitytoken":"t"}`},
	{`{"auths":{"r.io":{"identitytoken":"t",` + auth("u")[1:] + `}}`, "r.io/a", `{"username":"u","password":"~s3cret?\u003e","serveraddress":"r.io","identitytoken":"t"}`},
	{`{"auths":{"r.io":{"registrytoken":"t"}}}`, "r.io/a", `{"serveraddress":"r.io","registrytoken":"t"}`},
	{`{"auths":{"r.io":{"auth":"dTphOmI="}}}`, "r.io/a", `{"username":"u","password":"a:b","serveraddress":"r.io"}`},
	{`{"auths":{"r.io":{"auth":"dTo="}}}`, "r.io/a", `{"username":"u","serveraddress":"r.io"}`},
	{`{"auths":{"r.io":{"auth":"dTpwAAA=\n"}}}`, "r.io/a", `{"username":"u","password":"p","serveraddress":"r.io"}`},
	{`{"AUTHS":{"r.io":{"Auth":"dTpw"}}}`, "r.io/a", `{"username":"u","password":"p","serveraddress":"r.io"}`},

	// helpers
	{`{"credsStore":"desktop"}`, "busybox", `{}`},
	{`{"credsStore":"desktop","auths":{"r.io":{}}}`, "q.io/a", `{}`},
	{`{"credsStore":"desktop","auths":{"r.io":` + auth("u") + `}}`, "r.io/a", sentFor("u", "r.io")},
	{`{"credHelpers":{"r.io":"","q.io":"desktop"},"auths":{"r.io":` + auth("u") + `}}`, "r.io/a", sentFor("u", "r.io")},
	{`{"credHelpers":{"r.io":""},"credsStore":"desktop","auths":{"r.io":{}}}`, "r.io/a", `{"serveraddress":"r.io"}`},
	{`{"credHelpers":{"https://r.io":"desktop","docker.io":"desktop"}}`, "r.io/a", `{}`},
	{`{"credHelpers":{"docker.io":"desktop"}}`, "busybox", `{}`},
	{`{"credsStore":"desktop","auths":{"r.io":{}}}`, "r.io/a", helped("r.io", "desktop")},
	{`{"credsStore":"desktop","auths":{"https://r.io/v1/":{"email":"e@x"}}}`, "r.io/a", helped("r.io", "desktop")},
	{`{"credsStore":"desktop","auths":{"https://index.docker.io/v1/":{}}}`, "busybox", helped("https://index.docker.io/v1/", "desktop")},
	{`{"credHelpers":{"r.io":"ecr-login"}}`, "r.io/a", helped("r.io", "ecr-login")},
	{`{"credHelpers":{"r.io":"ecr-login"},"credsStore":"desktop","auths":{"r.io":` + auth("u") + `}}`, "r.io/a", helped("r.io", "ecr-login")},
	{`{"credHelpers":{"https://index.docker.io/v1/":"a\n\u001b[31m"}}`, "busybox", helped("https://index.docker.io/v1/", "a\n\x1b[31m")},

	// what is no such file
	{``, "r.io/a", "error: docker's config file FILE: line 1, column 1: not JSON"},
	{"{\n  \"auths\": {\"r.io\": {\"auth\": " + secret, "r.io/a", "error: docker's config file FILE: line 2, column 30: not JSON"},
	{`{"auths":{"r.io":` + auth("u") + `}} x`, "r.io/a", "error: docker's config file FILE: line 1, column 48: not JSON"},
	{"\ufeff{}", "r.io/a", "error: docker's config file FILE: line 1, column 1: not JSON"},
	{`[` + auth("u") + `]`, "r.io/a", "error: docker's config file FILE: line 1, column 1: not what docker's CLI writes there"},
	{`{"auths":{"r.io":"` + secret + `"}}`, "r.io/a", "error: docker's config file FILE: line 1, column 28: not what docker's CLI writes there"},
	{`{"auths":{"r.io":{"auth":333}}}`, "r.io/a", "error: docker's config file FILE: line 1, column 28: not what docker's CLI writes there"},
	{`{"credsStore":{}}`, "r.io/a", "error: docker's config file FILE: line 1, column 15: not what docker's CLI writes there"},
	{`{"auths":{"q.io":{"auth":"` + secret + `"}}}`, "r.io/a", `error: docker's config file FILE: auths, "q.io": its "auth" is not user:password in base64`},
	{`{"auths":{"r.io":{"auth":"Og=="}}}`, "r.io/a", `error: docker's config file FILE: auths, "r.io": its "auth" is not user:password in base64`},
	{`{"auths":{"r.io":{"auth":"OnB3"}}}`, "r.io/a", `error: docker's config file FILE: auths, "r.io": its "auth" is not user:password in base64`},
	{`{"auths":{"r.io":{"auth":"bm9jb2xvbg=="}}}`, "r.io/a", `error: docker's config file FILE: auths, "r.io": its "auth" is not user:password in base64`},
	{`{"auths":{"a\n\u001b[31m":{"auth":"-"}}}`, "r.io/a", `error: docker's config file FILE: auths, "a\n\x1b[31m": its "auth" is not user:password in base64`},
	{strings.Repeat(" ", configLen), "r.io/a", "error: docker's config file FILE: line 1, column 1048576: not JSON"},
	{strings.Repeat(" ", configLen+1), "r.io/a", "error: docker's config file: FILE: longer than 1024 KiB"},
}

func TestRegistryHeader(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.json")
	for _, tt := range headers {
		writeConfig(t, file, tt.config)
		value, err := Credentials{file, true}.header(tt.image)
		got := ""
		if err != nil {
			got = "error: " + strings.ReplaceAll(err.Error(), file, "FILE")
			checkNoSecret(t, got)
		} else if data, err := base64.URLEncoding.DecodeString(string(value)); err != nil {
			t.Error(err)
		} else {
			got = string(data)
		}
		if got != tt.want {
			t.Errorf("%.200s, %s:\n got %s\nwant %s", tt.config, tt.image, got, tt.want)
		}
	}
}

func checkNoSecret(t *testing.T, text string) {
	t.Helper()
	for _, leak := range []string{"s3c", base64.StdEncoding.EncodeToString([]byte("u:" + secret))[:6], "333"} {
		if strings.Contains(text, leak) {
			t.Errorf("it shows the secret, %q: %s", leak, text)
		}
	}
}

func writeConfig(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// docker's CLI sends the same, whatever it warns of.
func TestRegistryHeaderIsTheCLIs(t *testing.T) {
	cli := dockerCLI(t)
	if cli == "" {
		return
	}
	dir := t.TempDir()
	listener, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	sent := make(chan string, 9)
	engine := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Api-Version", oracleAPI)
		if strings.HasSuffix(r.URL.Path, "/images/create") {
			sent <- r.Header.Get("X-Registry-Auth")
		}
	})}
	go engine.Serve(listener)
	defer engine.Close()
	for _, tt := range headers {
		if strings.HasPrefix(tt.want, "error: ") {
			continue
		}
		writeConfig(t, filepath.Join(dir, "config.json"), tt.config)
		command := exec.Command(cli, "-H", "unix://"+listener.Addr().String(), "pull", tt.image)
		command.Env = []string{"DOCKER_CONFIG=" + dir, "HOME=" + dir, "PATH=/nowhere"}
		if output, err := command.CombinedOutput(); err != nil {
			t.Errorf("%s, %s: docker: %v: %s", tt.config, tt.image, err, output)
			continue
		}
		here, err := Credentials{dir, true}.header(tt.image)
		if docker := <-sent; docker != string(here) {
			t.Errorf("%s, %s:\ndocker %s\nhere   %s, %v", tt.config, tt.image, docker, string(here), err)
		}
	}
}

func TestFindCredentials(t *testing.T) {
	dir := t.TempDir()
	for _, folder := range []string{"empty", "good/.docker", "bad/.docker", "odd/.docker/config.json", "none"} {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	writeConfig(t, dir+"/good/.docker/config.json", `{"auths":{"r.io":{"auth":"dTpw"}}}`)
	writeConfig(t, dir+"/bad/.docker/config.json", `{"auths":`)
	const anonymous, login = "e30=", "eyJ1c2VybmFtZSI6InUiLCJwYXNzd29yZCI6InAiLCJzZXJ2ZXJhZGRyZXNzIjoici5pbyJ9"
	for _, tt := range []struct{ path, home, want string }{
		{"", "", anonymous},
		{"", "DIR/good", login},
		{"", "DIR/empty", anonymous},
		{"", "DIR/nowhere", anonymous},
		{"", "/dev/null", anonymous},
		{"", "DIR/bad", "docker's config file DIR/bad/.docker/config.json: line 1, column 9: not JSON"},
		{"", "DIR/odd", "docker's config file: read DIR/odd/.docker/config.json: is a directory"},
		{"DIR/good/.docker", "DIR/bad", login},
		{"DIR/good/.docker/", "DIR/bad", login},
		{"DIR/good/.docker/config.json", "", login},
		{"DIR/bad/.docker", "DIR/good", "docker's config file DIR/bad/.docker/config.json: line 1, column 9: not JSON"},
		{"DIR/empty", "DIR/good", "docker's config file: open DIR/empty/config.json: no such file or directory"},
		{"DIR/nowhere", "DIR/good", "docker's config file: open DIR/nowhere: no such file or directory"},
		{"/dev/null/x", "DIR/good", "docker's config file: open /dev/null/x: not a directory"},
		{"/dev/zero", "DIR/good", "docker's config file: /dev/zero: longer than 1024 KiB"},
	} {
		t.Setenv("HOME", strings.ReplaceAll(tt.home, "DIR", dir))
		c, atStart := FindCredentials(strings.ReplaceAll(tt.path, "DIR", dir))
		header, atPull := c.header("r.io/a")
		got := string(header)
		for _, err := range []error{atStart, atPull} {
			if err != nil {
				got = strings.ReplaceAll(err.Error(), dir, "DIR")
			}
			if got != tt.want {
				t.Errorf("-docker-config=%s HOME=%s: got %s, want %s", tt.path, tt.home, got, tt.want)
			}
		}
	}
}

// The file is read at each pull: a login, its renewal and its end are obeyed.
func TestPullWithCredentials(t *testing.T) {
	s := newStage(t, map[string]program{"remote/r.io/far:latest": sayHello})
	var sent []string
	heard := func(w http.ResponseWriter, r *http.Request, answer http.HandlerFunc) {
		data, _ := base64.URLEncoding.DecodeString(r.Header.Get("X-Registry-Auth"))
		sent = append(sent, cmp.Or(string(data), r.Header.Get("X-Registry-Auth")))
		fmt.Fprintln(w, `{"error":"manifest unknown"}`)
	}
	t.Setenv("HOME", t.TempDir())
	var err error
	if s.host.Credentials, err = FindCredentials(""); err != nil {
		t.Fatal(err)
	}
	const refused = "hello                = error: manifest unknown\nm: ack\n"
	folder := os.Getenv("HOME") + "/.docker"
	for _, tt := range []struct{ config, out string }{
		{"", refused},
		{`{"auths":{"r.io":` + auth("old") + `}}`, refused},
		{`{"auths":{"r.io":` + auth("new") + `}}`, refused},
		{`{"auths":{"r.io":{"auth":"` + secret + `"}}}`, "hello                = error: docker's config file FILE: auths, \"r.io\": its \"auth\" is not user:password in base64\nm: ack\n"},
		{`{"credHelpers":{"r.io":"pass"}}`, "hello                = " + helped("r.io", "pass") + "\nm: ack\n"},
		{`{}`, refused},
	} {
		if tt.config != "" {
			if err := os.MkdirAll(folder, 0o700); err != nil {
				t.Fatal(err)
			}
			writeConfig(t, folder+"/config.json", tt.config)
		}
		if tt.out == refused {
			s.bend("pull", heard)
		}
		s.give("m", attached("r.io/far"))
		s.Wait()
		out := strings.ReplaceAll(s.out.take(), folder+"/config.json", "FILE")
		checkNoSecret(t, out)
		if out != tt.out {
			t.Errorf("%s: printed\n%s\nwant\n%s", tt.config, out, tt.out)
		}
	}
	want := []string{`{}`, sentFor("old", "r.io"), sentFor("new", "r.io"), `{}`}
	if fmt.Sprint(sent) != fmt.Sprint(want) {
		t.Errorf("sent\n%s\nwant\n%s", sent, want)
	}
}

// A registry that refuses a password is not asked again: it could lock the account. The words are those of Engine 20.10, whose
// status for them is 500.
func TestPullIsRefusedOnce(t *testing.T) {
	s := newStage(t, nil)
	for _, words := range []string{
		`Head "http://127.0.0.1:5000/v2/a/b/manifests/latest": no basic auth credentials`,
		"unauthorized: authentication required", "denied", "manifest unknown",
	} {
		s.bend("pull", refusing(500, words))
		s.give("m", attached("far"))
		s.ends(t, "hello                = error: "+words+"\nm: ack\n", "ContainerCreate 404, ImageCreate 500")
	}
}
