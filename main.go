// Docker-dispatch takes JSON messages from a RabbitMQ queue, does with Docker containers what they say, and prints what
// the containers write and what becomes of each message. See README.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
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
	"docker-dispatch/wire/logfmt"
)

const usage = `usage: docker-dispatch [options] [dockerHostAddr [amqpAddr]]
       docker-dispatch orphans [-stop|-remove] [options] [dockerHostAddr [amqpAddr]]
                                      the containers of a dispatcher that nobody works on
       docker-dispatch calls          every Docker API call that the program can make
       docker-dispatch schema         the JSON Schema of the messages

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

// defaultClaim covers short runs by the broker to their end, for the price of nothing.
const defaultClaim = cmds.Claim(10 * time.Second)

// leaveTime is how long work that was told to end may take for it.
const leaveTime = time.Second

// stopTime is that of work whose containers are stopped first, which have their own time for it.
const stopTime = 35 * time.Second

// tidyTime is for the removal of containers whose messages were settled just now, a second after that.
const tidyTime = 5 * time.Second

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
	claim     cmds.Claim
	orphans   string
	onLost    string
	onExit    string
	logins    string // docker's config file or its folder; "" is $HOME/.docker, which need not be there
	verbose   bool

	stop, remove bool // of the command orphans
}

// tables are the commands that print what the program can do.
var tables = map[string]func(io.Writer) error{
	"calls":  dockerapi.WriteCalls,
	"schema": cmds.WriteSchema,
}

func main() {
	args := hidePasswords(os.Args[1:])
	if len(args) == 1 && tables[args[0]] != nil {
		if tables[args[0]](os.Stdout) != nil {
			os.Exit(exitFailed)
		}
		return
	}
	life := run
	ending := len(args) > 0 && args[0] == "orphans"
	if ending {
		args, life = args[1:], orphans
	}
	cfg, err := parse(args, ending)
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(exitOK)
	case err != nil:
		fmt.Fprintln(os.Stderr, "docker-dispatch:", err)
		os.Exit(exitUsage)
	}
	level := logfmt.Info
	if cfg.verbose {
		level = logfmt.Debug
	}
	log := logfmt.New(os.Stderr, level)
	os.Exit(life(cfg, log))
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

// parse reads the command line, of the command orphans or of the program itself. Help and the version are printed, and end in
// flag.ErrHelp.
func parse(args []string, orphans bool) (config, error) {
	cfg := config{claim: defaultClaim}
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
	f.Func("claim", "a run that has gone on for this `time` is taken over from the broker; 0 is at its start, never at its end (default 10s)", func(s string) (err error) {
		cfg.claim, err = cmds.ParseClaim(s)
		return err
	})
	f.StringVar(&cfg.orphans, "orphans", "leave", "`leave|stop|remove` containers of an earlier run whose messages do not come back")
	f.StringVar(&cfg.onLost, "on-lost", "continue", "`continue|stop` a run whose message the broker has taken back, with its connection")
	f.StringVar(&cfg.onExit, "on-exit", "leave", "`leave|stop` runs that are not finished after -drain; stopped ones are given to another dispatcher")
	f.StringVar(&cfg.logins, "docker-config", os.Getenv("DOCKER_CONFIG"), "docker's config file, or its folder: the `path` of the credentials for private registries; default $DOCKER_CONFIG, else $HOME/.docker")
	f.BoolVar(&cfg.verbose, "v", false, "log every step to standard error")
	f.BoolVar(&version, "version", false, "print the version")
	if orphans {
		f.BoolVar(&cfg.stop, "stop", false, "stop them")
		f.BoolVar(&cfg.remove, "remove", false, "stop and remove them")
	}
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
		{cfg.orphans == "leave" || cfg.orphans == "stop" || cfg.orphans == "remove", "-orphans", cfg.orphans, "leave, stop or remove"},
		{cfg.onLost == "continue" || cfg.onLost == "stop", "-on-lost", cfg.onLost, "continue or stop"},
		{cfg.onExit == "leave" || cfg.onExit == "stop", "-on-exit", cfg.onExit, "leave or stop"},
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
func run(cfg config, log *logfmt.Logger) int {
	take, leave := context.WithCancel(context.Background())
	work, abandon := context.WithCancel(context.Background())
	defer abandon()
	defer leave()
	obeySignals(leave, log)

	credentials, err := cmds.FindCredentials(cfg.logins)
	if err != nil {
		log.Error("cannot read the credentials for registries", "error", err)
		return exitFailed
	}
	printer := cmds.NewPrinter(os.Stdout, cfg.format)
	client := connect(cfg, log)
	defer client.Close()
	host := cmds.NewHost(client, log)
	host.Credentials = credentials
	d := &cmds.Dispatcher{
		Engine: host, Printer: printer, Log: log, Name: cfg.name, Slots: cfg.slots, MaxBody: cfg.maxBody,
		Claim: cfg.claim, StopOnExit: cfg.onExit == "stop", StopOnLost: cfg.onLost == "stop",
	}
	d.Broken = func(err error) {
		log.Error("nobody reads the results; leaving", "error", err)
		leave()
		abandon()
	}
	if err := host.Ready(take); err != nil && take.Err() == nil {
		log.Error("this Docker Engine cannot be used", "address", cfg.engine.String(), "error", err)
		return exitFailed
	}
	if cfg.broker == "-" {
		readMessages(take, cfg, func(delivery wire.Delivery) { d.Deliver(work, delivery) })
	} else {
		broker, err := consume(take, work, cfg, d, host, log)
		if err != nil {
			log.Error("cannot consume", "error", err)
			return exitFailed
		}
		defer broker.Close()
	}
	drain(take, cfg, d, abandon, log)
	if d.Broke() || cfg.broker == "-" && !d.Well() {
		return exitFailed
	}
	return exitOK
}

func connect(cfg config, log *logfmt.Logger) *dockerapi.Client {
	client := dockerapi.New(cfg.engine)
	client.OnCall = func(r dockerapi.Record) {
		log.Debug("engine", "call", r.Operation, "target", r.Target, "status", r.Status, "error", r.Err, "time", r.Duration)
	}
	return client
}

// consume hands deliveries to d until take ends. Before the first it goes on where an earlier process has ended. The broker is
// to be closed when everything is settled.
func consume(take, work context.Context, cfg config, d *cmds.Dispatcher, host *cmds.Host, log *logfmt.Logger) (*amqp.Broker, error) {
	resume := func(context.Context) {
		if err := d.Resume(take, work, host, cfg.queue, cmds.Orphans(cfg.orphans)); err != nil && take.Err() == nil {
			log.Error("what an earlier run has left cannot be listed, and is left", "error", err)
		}
	}
	broker, err := amqp.New(amqp.Config{
		URI: cfg.broker, Queue: cfg.queue, QueueType: cfg.queueType, Prefetch: cfg.slots, Name: cfg.name, Log: log,
		Untimed: cfg.claim == cmds.ClaimNever,
		Control: func(delivery wire.Delivery) { d.Control(work, delivery) },
		Ready:   resume,
	})
	if err != nil {
		return nil, err
	}
	d.Publish, d.Steady, d.Reserve, host.Away = broker.Publish, broker.Steady, broker.Reserve, broker.Pause
	if err := broker.Consume(take, func(delivery wire.Delivery) { d.Deliver(work, delivery) }); err != nil {
		broker.Close()
		return nil, err
	}
	return broker, nil
}

// orphans lists the containers of a dispatcher that nobody has claimed, and ends them if that is asked for: then it holds the
// dispatcher's lock at the broker, so that none at work loses its containers.
func orphans(cfg config, log *logfmt.Logger) int {
	ctx, leave := context.WithCancel(context.Background())
	defer leave()
	obeySignals(leave, log)
	client := connect(cfg, log)
	defer client.Close()
	host := cmds.NewHost(client, log)
	var problem error
	act := func(ctx context.Context) {
		problem = endOrphans(ctx, cfg, host)
		leave()
	}
	if err := host.Ready(ctx); err != nil {
		problem = err
	} else if cfg.broker == "-" || !cfg.stop && !cfg.remove {
		act(ctx)
	} else if broker, err := amqp.New(amqp.Config{URI: cfg.broker, Queue: cfg.queue, QueueType: cfg.queueType, Prefetch: 1, Name: cfg.name, Log: log, Control: func(wire.Delivery) {}, Ready: act}); err != nil {
		problem = err
	} else {
		problem = errors.Join(broker.Consume(ctx, func(wire.Delivery) {}), problem)
		broker.Close()
	}
	if problem != nil {
		log.Error("orphans", "error", problem)
		return exitFailed
	}
	return exitOK
}

func endOrphans(ctx context.Context, cfg config, host *cmds.Host) error {
	strays, err := host.Strays(ctx, cfg.queue, cfg.name)
	if err != nil {
		return err
	}
	const columns = "%-12.12s  %-8s  %-20s  %-32s  %s\n"
	fmt.Printf(columns, "CONTAINER", "STATE", "CREATED", "NAME", "MESSAGE")
	for _, s := range strays {
		fmt.Printf(columns, s.ID, s.State, s.Created.UTC().Format(time.RFC3339), s.Name, fmt.Sprintf("%.80q", s.MessageID))
		if cfg.remove {
			err = errors.Join(err, host.End(ctx, s, cmds.OrphansRemove))
		} else if cfg.stop {
			err = errors.Join(err, host.End(ctx, s, cmds.OrphansStop))
		}
	}
	return err
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

// drain returns when nothing is in work any more, or some time after ctx has ended: then what is left is abandoned, or stopped
// and given back. The removals of what was settled have their own second.
func drain(ctx context.Context, cfg config, d *cmds.Dispatcher, abandon func(), log *logfmt.Logger) {
	idle := make(chan struct{})
	go func() {
		defer close(idle)
		d.Wait()
	}()
	select {
	case <-idle:
	case <-ctx.Done():
		select {
		case <-idle:
		case <-time.After(cfg.drain):
			abandon()
		}
	}
	patience := leaveTime
	if cfg.onExit == "stop" {
		patience = stopTime
	}
	select {
	case <-idle:
	case <-time.After(patience):
		log.Warn("leaving with work that does not end")
	}
	tidy, cancel := context.WithTimeout(context.Background(), tidyTime)
	defer cancel()
	d.Tidy(tidy)
}

// obeySignals lets the first SIGTERM or SIGINT tell the program to leave, and the second end it. A closed standard output is
// an error of the write that meets it.
func obeySignals(leave func(), log *logfmt.Logger) {
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
