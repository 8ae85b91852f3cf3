// Docker-dispatch takes JSON messages from a RabbitMQ queue, does with Docker containers what they say, and prints what
// the containers write and what becomes of each message. See README.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"docker-dispatch/cmds"
	"docker-dispatch/dockerapi"
	"docker-dispatch/wire"
	"docker-dispatch/wire/amqp"
)

const usage = `usage: docker-dispatch [options] [dockerHostAddr [amqpAddr]]
       docker-dispatch calls          every Docker API call that the program can make

dockerHostAddr  ip:port, tcp://host[:port], a socket's absolute path or unix:///path
                (default $DOCKER_HOST, else /var/run/docker.sock)
amqpAddr        amqp:// or amqps:// URI, or - to read messages from standard input
                (default $AMQP_URL, else amqp://guest:guest@localhost:5672/)

options:
`

const programVersion = "0.1.0"

// The exit codes; a second signal ends the program with 128 and its number.
const (
	exitOK     = 0 // all went well; or told to leave, and what was not finished is still in the queue
	exitFailed = 1 // refused at the start; standard output closed; with -, a message that did not come to a good end
	exitUsage  = 2 // an option or an address is wrong
)

// leaveTime is how long work that was told to end may take for it.
const leaveTime = time.Second

// config is what the command line and the environment say.
type config struct {
	engine    wire.Addr
	broker    string // "-" is standard input
	queue     string
	queueType string
	slots     int
	format    string
	name      string
	drain     time.Duration
	maxBody   int
	verbose   bool
}

func main() {
	args := hidePasswords(os.Args[1:])
	if len(args) == 1 && args[0] == "calls" {
		if dockerapi.WriteCalls(os.Stdout) != nil {
			os.Exit(exitFailed)
		}
		return
	}
	cfg, err := parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(exitOK)
	case err != nil:
		fmt.Fprintln(os.Stderr, "docker-dispatch:", err)
		os.Exit(exitUsage)
	}
	level := slog.LevelInfo
	if cfg.verbose {
		level = slog.LevelDebug
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	os.Exit(run(cfg, log))
}

// hidePasswords copies the arguments and blots the passwords of URIs out of the originals, which ps shows: on Linux the
// strings of os.Args are the process's own argument area.
func hidePasswords(args []string) []string {
	copies := make([]string, len(args))
	for i, arg := range args {
		copies[i] = strings.Clone(arg)
		_, rest, found := strings.Cut(arg, "://")
		end := strings.LastIndexByte(rest, '@')
		if !found || end < 0 {
			continue
		}
		if colon := strings.IndexByte(rest[:end], ':'); colon >= 0 {
			secret := rest[colon+1 : end]
			for i := range secret {
				unsafe.Slice(unsafe.StringData(secret), len(secret))[i] = '*'
			}
		}
	}
	return copies
}

// parse reads the command line. Help and the version are printed, and end in flag.ErrHelp.
func parse(args []string) (config, error) {
	var cfg config
	var version bool
	hostname, _ := os.Hostname()
	f := flag.NewFlagSet("docker-dispatch", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&cfg.queue, "q", "docker-dispatch", "`queue` to consume")
	f.IntVar(&cfg.slots, "c", 16, "`number` of messages worked on at once")
	f.StringVar(&cfg.format, "o", "text", "what standard output carries: `text|json`")
	f.StringVar(&cfg.name, "name", or(os.Getenv("DOCKER_DISPATCH_NAME"), hostname), "this dispatcher's `name`, in labels and logs; default $DOCKER_DISPATCH_NAME, else the host name")
	f.DurationVar(&cfg.drain, "drain", 8*time.Second, "how long messages in work may take to finish when told to leave")
	f.IntVar(&cfg.maxBody, "max-body", 16<<20, "the longest message, in `bytes`")
	f.StringVar(&cfg.queueType, "queue-type", "", "`classic|quorum`, for a queue that does not exist yet; default quorum from RabbitMQ 4.0 on, classic below")
	f.BoolVar(&cfg.verbose, "v", false, "log every step to standard error")
	f.BoolVar(&version, "version", false, "print the version")
	err := f.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Print(usage)
		f.SetOutput(os.Stdout)
		f.PrintDefaults()
		return cfg, err
	case err != nil:
		return cfg, fmt.Errorf("%w (docker-dispatch -h lists the options)", err)
	case version:
		fmt.Println("docker-dispatch", programVersion)
		return cfg, flag.ErrHelp
	}
	if err := cfg.check(); err != nil {
		return cfg, err
	}
	return cfg, cfg.addresses(f.Args())
}

// check holds the options to their ranges.
func (cfg *config) check() error {
	for _, rule := range []struct {
		ok    bool
		name  string
		value any
		want  string
	}{
		{cfg.queue != "" && len(cfg.queue)+len(wire.DeadSuffix) <= 255, "-q", cfg.queue, "a queue's name has 1 to 250 bytes"},
		{cfg.slots >= 1 && cfg.slots <= 65535, "-c", cfg.slots, "1 to 65535 messages at once"},
		{cfg.format == "text" || cfg.format == "json", "-o", cfg.format, "text or json"},
		{cfg.name != "" && len(cfg.name) <= 200, "-name", cfg.name, "a name has 1 to 200 bytes; set -name or $DOCKER_DISPATCH_NAME"},
		{cfg.drain >= 0, "-drain", cfg.drain, "no negative time"},
		{cfg.maxBody >= 1, "-max-body", cfg.maxBody, "at least 1 byte"},
		{cfg.queueType == "" || cfg.queueType == "classic" || cfg.queueType == "quorum", "-queue-type", cfg.queueType, "classic or quorum"},
	} {
		if !rule.ok {
			return fmt.Errorf("%s %.60q: %s", rule.name, fmt.Sprint(rule.value), rule.want)
		}
	}
	return nil
}

// addresses reads the arguments behind the options.
func (cfg *config) addresses(args []string) (err error) {
	engine := or(os.Getenv("DOCKER_HOST"), "/var/run/docker.sock")
	cfg.broker = or(os.Getenv("AMQP_URL"), "amqp://guest:guest@localhost:5672/")
	switch {
	case len(args) > 2:
		return fmt.Errorf("%d arguments: there are two, dockerHostAddr and amqpAddr; options stand before them", len(args))
	case len(args) == 1 && args[0] == "-", len(args) == 1 && strings.HasPrefix(args[0], "amqp"):
		return errors.New("one argument, and it is amqpAddr: dockerHostAddr comes first, such as /var/run/docker.sock")
	case len(args) == 2:
		cfg.broker = args[1]
		fallthrough
	case len(args) == 1:
		engine = args[0]
	}
	if cfg.engine, err = wire.ParseAddr(engine); err != nil || cfg.broker == "-" {
		return err
	}
	return amqp.CheckURI(cfg.broker)
}

func or(value, otherwise string) string {
	if value != "" {
		return value
	}
	return otherwise
}

// run is the program's life: wait for the Engine, take messages until told to leave, let what is in work finish.
func run(cfg config, log *slog.Logger) int {
	take, leave := context.WithCancel(context.Background())
	work, abandon := context.WithCancel(context.Background())
	defer abandon()
	defer leave()
	obeySignals(leave, log)

	printer := cmds.NewPrinter(os.Stdout, cfg.format)
	client := dockerapi.New(cfg.engine)
	defer client.Close()
	client.OnCall = func(r dockerapi.Record) {
		log.Debug("engine", "call", r.Operation, "target", r.Target, "status", r.Status, "error", r.Err, "time", r.Duration)
	}
	host := cmds.NewHost(client, log)
	d := &cmds.Dispatcher{Engine: host, Printer: printer, Log: log, Name: cfg.name, Slots: cfg.slots, MaxBody: cfg.maxBody}
	d.Broken = func(err error) {
		log.Error("nobody reads the results; leaving", "error", err)
		leave()
		abandon()
	}
	if err := host.Ready(take); err != nil && take.Err() == nil {
		log.Error("this Docker Engine cannot be used", "address", cfg.engine.String(), "error", err)
		return exitFailed
	}
	deliver := func(delivery wire.Delivery) { d.Deliver(work, delivery) }
	if cfg.broker == "-" {
		readMessages(take, cfg, deliver)
	} else {
		broker, err := amqp.New(amqp.Config{URI: cfg.broker, Queue: cfg.queue, QueueType: cfg.queueType, Prefetch: cfg.slots, Name: cfg.name, Log: log})
		if err != nil {
			log.Error("the broker's address", "error", err)
			return exitUsage
		}
		defer broker.Close()
		d.DeadLetter = broker.Publish
		if err := broker.Consume(take, deliver); err != nil {
			log.Error("cannot consume", "error", err)
			return exitFailed
		}
	}
	drain(take, cfg.drain, d, abandon, log)
	if d.Broke() || cfg.broker == "-" && !d.Well() {
		return exitFailed
	}
	return exitOK
}

// readMessages delivers what standard input has. A read cannot be interrupted, so that one goes on when ctx has ended; the
// program is leaving then.
func readMessages(ctx context.Context, cfg config, deliver func(wire.Delivery)) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		cmds.ReadMessages(ctx, os.Stdin, cfg.slots, cfg.maxBody, deliver)
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// drain returns when nothing is in work any more, or some time after ctx has ended: then what is left is abandoned.
func drain(ctx context.Context, patience time.Duration, d *cmds.Dispatcher, abandon func(), log *slog.Logger) {
	idle := make(chan struct{})
	go func() {
		defer close(idle)
		d.Wait()
	}()
	select {
	case <-idle:
		return
	case <-ctx.Done():
	}
	select {
	case <-idle:
		return
	case <-time.After(patience):
		abandon()
	}
	select {
	case <-idle:
	case <-time.After(leaveTime):
		log.Warn("leaving with work that does not end")
	}
}

// obeySignals lets the first SIGTERM or SIGINT tell the program to leave, and the second end it. A closed standard output is
// an error of the write that meets it.
func obeySignals(leave func(), log *slog.Logger) {
	signal.Ignore(syscall.SIGPIPE)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		s := <-signals
		log.Info("leaving; once more ends at once", "signal", s.String())
		leave()
		s = <-signals
		os.Exit(128 + int(s.(syscall.Signal)))
	}()
}
