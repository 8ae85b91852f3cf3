package cmds

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// glob says whether a pattern is that of all of a text: * is any bytes, ? is one. Neither is the separator, where there is one.
func glob(pattern, text string, separator byte) bool {
	star, mark := -1, 0 // where the last * was, and how much of the text it has
	p, t := 0, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, t
			p++
		case p < len(pattern) && (pattern[p] == text[t] || pattern[p] == '?' && (separator == 0 || text[t] != separator)):
			p++
			t++
		case star >= 0 && (separator == 0 || text[mark] != separator):
			mark++
			p, t = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

func isWild(pattern string) bool { return strings.ContainsAny(pattern, "*?") }

// matchObject is for the names of what is there already. The Engine takes the beginning of an id for a name too, so that only a pattern without
// wildcards is for what could be one. The words that are no names have to be written out.
func matchObject(_ *Policy, pattern, text string) bool {
	name, isContainer := strings.CutPrefix(text, "container:")
	switch {
	case pattern == text:
		return true
	case text == "host", isHex(name) && pattern != "*" && pattern != "container:*":
		return false
	}
	return strings.HasPrefix(pattern, "container:") == isContainer && glob(pattern, text, 0)
}

// idLen is as many hex digits as an id has.
const idLen = 64

func isHex(s string) bool {
	return s != "" && len(s) <= idLen && strings.Trim(s, "0123456789abcdef") == ""
}

// matchPort takes a port or a range for each of the two.
func matchPort(_ *Policy, pattern, text string) bool {
	granted, err := parsePorts(pattern)
	wanted, err2 := parsePorts(text)
	return err == nil && err2 == nil && granted.first <= wanted.first && wanted.last <= granted.last
}

// isDevice is for devices by their paths, or by the names of the Container Device Interface.
func (p *Policy) isDevice(pattern, text string) bool {
	if strings.HasPrefix(text, "/") {
		return p.isBelow(pattern, text)
	}
	return isCDI(text) && glob(pattern, text, 0)
}

// isBelow says whether a path of the host is the pattern's or lies below it, by its words and, where the host's files can be seen, by where
// symbolic links lead. A path with dots in it is nobody's.
func (p *Policy) isBelow(pattern, text string) bool {
	if !path.IsAbs(text) || slices.Contains(strings.Split(text, "/"), "..") || !liesBelow(path.Clean(pattern), path.Clean(text)) {
		return false
	}
	if !p.HostFiles {
		return true
	}
	real, ok := resolve(path.Clean(text))
	if !isWild(pattern) {
		if root, ok := resolve(path.Clean(pattern)); ok {
			pattern = root
		}
	}
	return ok && liesBelow(path.Clean(pattern), real)
}

// liesBelow says whether a path, or a folder that it lies in, matches.
func liesBelow(pattern, p string) bool {
	for ; ; p = path.Dir(p) {
		if glob(pattern, p, '/') {
			return true
		}
		if p == "/" {
			return false
		}
	}
}

// resolve follows the symbolic links of a path as far as it is there and may be looked at. A link that leads nowhere, or in circles, is
// not ok.
func resolve(p string) (real string, ok bool) {
	for rest := ""; ; p, rest = path.Dir(p), path.Join(path.Base(p), rest) {
		real, err := filepath.EvalSymlinks(p)
		if err == nil {
			return path.Join(real, rest), true
		}
		_, missing := os.Lstat(p)
		unseen := errors.Is(missing, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission)
		if !unseen || p == "/" {
			return "", false
		}
	}
}

// foldImage completes a reference, or a pattern of them, as the Engine does: docker.io/library/name:latest. Of a reference with a digest the
// tag means nothing. What may be the id of an image is sha256:….
func foldImage(image string) string {
	if strings.HasPrefix(image, "*") {
		return image
	}
	if isHex(image) {
		return "sha256:" + image
	}
	image, all := strings.CutSuffix(image, ": all tags")
	name, digest, hasDigest := strings.Cut(image, "@")
	tag := ""
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		name, tag = name[:i], name[i:]
	}
	if name == "sha256" {
		return image
	}
	host, rest, found := strings.Cut(name, "/")
	switch {
	case !found:
		name = "docker.io/library/" + name
	case host == "index.docker.io", host == "docker.io":
		if !strings.Contains(rest, "/") && !strings.HasPrefix(rest, "*") {
			rest = "library/" + rest
		}
		name = "docker.io/" + rest
	case registryOf(name) == hub:
		name = "docker.io/" + name
	}
	switch last := name[strings.LastIndexByte(name, '/')+1:]; {
	case all:
		tag = ": all tags"
	case hasDigest:
		tag = "@" + digest
	case tag == "" && !isWild(last):
		tag = ":latest"
	}
	return name + tag
}

// foldCapability writes a capability as the Engine has it.
func foldCapability(name string) string {
	if strings.HasPrefix(name, "*") {
		return name
	}
	upper, _ := parseCapability(name)
	return upper.(pair).key
}

// matchCapability has all of them granted as such.
func matchCapability(_ *Policy, pattern, text string) bool {
	return pattern == text || text != "ALL" && glob(pattern, text, 0)
}

// foldSecurityOpt writes key:value as key=value, which the Engine takes for the same.
func foldSecurityOpt(opt string) string {
	if strings.Contains(opt, "=") {
		return opt
	}
	return strings.Replace(opt, ":", "=", 1)
}

// beforeColon leaves out an alias or a mode.
func beforeColon(s string) string {
	name, _, _ := strings.Cut(s, ":")
	return name
}
