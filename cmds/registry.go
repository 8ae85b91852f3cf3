package cmds

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"docker-dispatch/wire"
)

// configLen bounds docker's config file: one with the logins at a hundred registries has some 50 KiB.
const configLen = 1 << 20

// hub is how the config file calls the registry of images whose reference names none.
const hub = "https://index.docker.io/v1/"

// Credentials are the logins at private registries that docker's CLI keeps in its config file. That is read anew for each pull, as
// logins are renewed. The zero value has none.
type Credentials struct {
	path   string // of the file, or of the folder in which it is config.json; "" is none
	needed bool   // it was named, and has to be there
}

// FindCredentials looks for them at path, or for path "" in $HOME/.docker, where they need not be. The error says why the file is
// of no use, and nothing of what is in it.
func FindCredentials(path string) (Credentials, error) {
	c := Credentials{path, true}
	if home := os.Getenv("HOME"); path == "" && home != "" {
		c = Credentials{home + "/.docker", false}
	}
	_, err := c.read()
	return c, err
}

// Secrets is the path of the file as far as there are logins in it; "" is nothing to keep secret.
func (c Credentials) Secrets() string {
	if config, err := c.read(); err != nil || len(config.Auths) == 0 {
		return ""
	}
	return c.file()
}

// header is the value of X-Registry-Auth for the pull of an image: JSON in base64, for nobody {}, to the letter what docker's CLI
// sends.
func (c Credentials) header(image string) (wire.Secret, error) {
	config, err := c.read()
	if err != nil {
		return "", err
	}
	registry := registryOf(image)
	entry, found := config.find(registry)
	helper, own := config.CredHelpers[registry]
	if !own {
		helper = config.CredsStore
	}
	if helper != "" && (own || found && entry.isEmpty()) {
		return "", fmt.Errorf("docker's config file %s leaves the login at %.200q to the program %.100q; programs are not run here, and a scratch image has none: "+
			`write "auths": {%.200[2]q: {"auth": "…"}} instead, with the base64 of user:password, as docker login does without a helper`, c.file(), registry, "docker-credential-"+helper)
	}
	value, err := json.Marshal(entry)
	if err != nil {
		panic(err) // strings: always representable
	}
	return wire.Secret(base64.URLEncoding.EncodeToString(value)), nil
}

// file is the path of the file itself, as things are now.
func (c Credentials) file() string {
	if info, err := os.Stat(c.path); err == nil && info.IsDir() {
		return strings.TrimSuffix(c.path, "/") + "/config.json"
	}
	return c.path
}

// read takes in the file as it is now.
func (c Credentials) read() (config dockerConfig, err error) {
	if c.path == "" {
		return config, nil
	}
	file := c.file()
	data, err := wire.ReadFile(file, configLen)
	switch {
	case !c.needed && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)):
		return config, nil
	case err != nil:
		return config, fmt.Errorf("docker's config file: %w", err)
	}
	if err := config.decode(data); err != nil {
		return config, fmt.Errorf("docker's config file %s: %w", file, err)
	}
	return config, nil
}

// dockerConfig is what docker's config file says of registries. Their names are those of registryOf; older versions of docker
// have written URLs into auths.
type dockerConfig struct {
	Auths       map[string]login
	CredHelpers map[string]string // the helper of one registry; "" is none
	CredsStore  string            // the helper of all others
}

// login is an entry of auths, and what the Engine is told of it.
type login struct {
	Username      string      `json:"username,omitempty"`
	Password      wire.Secret `json:"password,omitempty"`
	Auth          wire.Secret `json:"auth,omitempty"` // in the file: base64 of user:password, in the place of these
	Email         string      `json:"email,omitempty"`
	ServerAddress string      `json:"serveraddress,omitempty"` // the entry's key
	IdentityToken wire.Secret `json:"identitytoken,omitempty"`
	RegistryToken wire.Secret `json:"registrytoken,omitempty"`
}

// decode reads the file. The words of encoding/json are left out of its errors, as they may have some of the file's.
func (config *dockerConfig) decode(data []byte) error {
	var syntax *json.SyntaxError
	var mistyped *json.UnmarshalTypeError
	err := json.Unmarshal(data, config)
	switch {
	case errors.As(err, &syntax):
		return errors.New(position(data, int(syntax.Offset)-1) + ": not JSON")
	case errors.As(err, &mistyped):
		return errors.New(position(data, int(mistyped.Offset)-1) + ": not what docker's CLI writes there")
	case err != nil:
		return errors.New("not what docker's CLI writes")
	}
	for key, entry := range config.Auths {
		if !entry.unpack() {
			return fmt.Errorf(`auths, %.200q: its "auth" is not user:password in base64`, key)
		}
		entry.ServerAddress = key
		config.Auths[key] = entry
	}
	return nil
}

// unpack puts what is in Auth into its places, and says whether it could.
func (l *login) unpack() bool {
	if l.Auth == "" {
		return true
	}
	text, err := base64.StdEncoding.DecodeString(string(l.Auth))
	user, password, found := strings.Cut(string(text), ":")
	l.Auth, l.Username, l.Password = "", user, wire.Secret(strings.Trim(password, "\x00"))
	return err == nil && found && user != ""
}

// isEmpty says whether nobody is logged in by the entry alone.
func (l login) isEmpty() bool {
	return l == login{Email: l.Email, ServerAddress: l.ServerAddress}
}

// find is the login at a registry: that of its very name before those of its URLs.
func (config *dockerConfig) find(registry string) (entry login, found bool) {
	if entry, found = config.Auths[registry]; found {
		return entry, true
	}
	for key, other := range config.Auths {
		if hostOf(key) == registry && (!found || key < entry.ServerAddress) {
			entry, found = other, true
		}
	}
	return entry, found
}

// hostOf is the host and port of a URL, which may lack its scheme and its path.
func hostOf(url string) string {
	if _, rest, found := strings.Cut(url, "://"); found {
		url = rest
	}
	host, _, _ := strings.Cut(url, "/")
	return host
}

// registryOf is the name, in docker's config file, of the registry that an image is pulled from: host[:port], or hub.
func registryOf(image string) string {
	host, _, found := strings.Cut(image, "/")
	switch {
	case !found, host == "docker.io", host == "index.docker.io":
		return hub
	case host == "localhost", strings.ContainsAny(host, ".:"), host != strings.ToLower(host):
		return host
	}
	return hub
}
