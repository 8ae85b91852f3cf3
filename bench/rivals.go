package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// kind is what sort of a rival one is.
type kind int

const (
	program kind = iota // docker-dispatch
	sdk                 // the loop on Docker's SDK, as it comes
	tuned               // the same with a larger pool of connections
	cli                 // docker run, started for each message
	floor               // nothing but the necessary calls
)

// rival is a program that takes messages from a queue.
type rival struct {
	name string // in tables and on the command line
	kind kind
	path string
	args []string // before all others
}

// opponents are the rivals of the program, and the folders of their source.
var opponents = []struct {
	rival
	source string
}{
	{rival{"sdk", sdk, "", nil}, "sdk"},
	{rival{"tuned", tuned, "", []string{"-tuned"}}, "sdk"},
	{rival{"cli", cli, "", nil}, "cli"},
	{rival{"floor", floor, "", nil}, "floor"},
}

// build makes the program, unless there are binaries of it, and its opponents.
func (b *bench) build(programs []rival, only string) (all []rival, err error) {
	if all = programs; len(all) == 0 {
		if err := command(b.root, "make", "build"); err != nil {
			return nil, err
		}
		p, err := namedProgram(filepath.Join(b.root, "bin/docker-dispatch"))
		if err != nil {
			return nil, err
		}
		all = []rival{p}
	}
	for _, o := range opponents {
		if only != "" && !slices.Contains(strings.Split(only, ","), o.name) {
			continue
		}
		o.path = filepath.Join(b.dir, o.source)
		if err := command(".", "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", o.path, "./rivals/"+o.source); err != nil {
			return nil, err
		}
		all = append(all, o.rival)
	}
	return all, nil
}

// command runs a step of the build.
func command(dir string, words ...string) error {
	c := exec.Command(words[0], words[1:]...)
	c.Dir, c.Env = dir, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(words, " "), err, out)
	}
	return nil
}

// commandLine is how the rival is started for a queue.
func (r *rival) commandLine(queue string, slots int, engine, broker string, more ...string) []string {
	args := append(slices.Clone(r.args), "-q", queue, "-c", strconv.Itoa(slots))
	if r.kind == program {
		args = append(args, "-name", "bench")
		args = append(args, more...)
	}
	return append(args, engine, broker)
}
