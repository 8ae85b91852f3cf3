// Bench runs docker-dispatch and its rivals in turn on the same work, and prints what they take for it. See README.md.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

func main() {
	b, err := setUp()
	if err == nil {
		err = b.run()
	}
	if b != nil {
		b.cleanUp()
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}

// bench is what is asked for, and what the trials share.
type bench struct {
	figures  []*figure
	rounds   int
	messages int // 0: as many as the figure has
	jsonPath string
	svgPath  string
	amqp     string // the broker's URI
	docker   string // the real Engine's address
	root     string // of the repository
	rivals   []rival
	dir      string // for what is built, and for sockets
	broker   *broker
	results  []result
	failed   map[string]string // rivals that cannot do a setting: why
}

func setUp() (*bench, error) {
	b := &bench{failed: map[string]string{}}
	var names string
	var programs []rival
	flag.StringVar(&names, "figures", "", "the `names` of the figures that are measured, with commas; all by default: "+figureNames())
	flag.IntVar(&b.rounds, "rounds", 5, "how often each is measured")
	flag.IntVar(&b.messages, "messages", 0, "how `many` messages a trial has, instead of its figure's own number")
	flag.StringVar(&b.jsonPath, "json", "", "write every value to this `file`")
	flag.StringVar(&b.svgPath, "svg", "", "write the plot of the curves to this `file`")
	flag.StringVar(&b.amqp, "amqp", or(os.Getenv("AMQP_URL"), "amqp://guest:guest@localhost:5672/"), "the broker: `URI`")
	flag.StringVar(&b.docker, "docker", or(os.Getenv("DOCKER_HOST"), "unix:///var/run/docker.sock"), "the real Engine: `address`")
	flag.StringVar(&b.root, "root", "..", "the `folder` of the program's source")
	flag.Func("program", "use this binary: `[NAME=]PATH`; several are compared; by default the program is built", func(s string) error {
		p, err := namedProgram(s)
		programs = append(programs, p)
		return err
	})
	only := flag.String("rivals", "", "the `names` of the rivals that take part beside the program, with commas; all by default")
	flag.Parse()
	if flag.NArg() > 0 || b.rounds < 1 || b.messages < 0 {
		return nil, errors.New("options are wrong; -h lists them")
	}
	if strings.HasPrefix(b.docker, "/") {
		b.docker = "unix://" + b.docker
	}
	var err error
	if b.figures, err = chooseFigures(names); err != nil {
		return nil, err
	}
	if err := raiseLimits(); err != nil {
		return nil, err
	}
	if b.dir, err = os.MkdirTemp("", "bench-"); err != nil {
		return nil, err
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		killAll()
		os.RemoveAll(b.dir)
		os.Exit(1)
	}()
	if b.rivals, err = b.build(programs, *only); err != nil {
		return b, err
	}
	b.broker, err = dialBroker(b.amqp)
	return b, err
}

func (b *bench) cleanUp() {
	if b.broker != nil {
		b.broker.close()
	}
	os.RemoveAll(b.dir)
}

func (b *bench) run() error {
	for _, f := range b.figures {
		if err := b.measure(f); err != nil {
			return fmt.Errorf("figure %s: %w", f.name, err)
		}
		b.printTable(os.Stdout, f)
		if f.name == curves && b.svgPath != "" {
			if err := b.writeSVG(b.svgPath, f); err != nil {
				return err
			}
		}
	}
	return b.writeJSON()
}

// raiseLimits lets this process and those that it starts have as many connections as 10 000 messages in flight need, or as the system
// allows.
func raiseLimits() error {
	const enough = 1 << 16
	if syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: enough, Max: enough}) == nil { // of root
		return nil
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	limit.Cur = limit.Max
	return syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
}

func namedProgram(s string) (rival, error) {
	name, path, ok := strings.Cut(s, "=")
	if !ok {
		name, path = "program", s
	}
	path, err := filepath.Abs(path)
	if err == nil {
		_, err = os.Stat(path)
	}
	return rival{name: name, kind: program, path: path}, err
}

func chooseFigures(names string) (chosen []*figure, err error) {
	if names == "" {
		return figures, nil
	}
	for name := range strings.SplitSeq(names, ",") {
		i := slices.IndexFunc(figures, func(f *figure) bool { return f.name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no figure %q; there are %s", name, figureNames())
		}
		chosen = append(chosen, figures[i])
	}
	return chosen, nil
}

func or(value, otherwise string) string {
	if value != "" {
		return value
	}
	return otherwise
}
