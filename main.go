// Docker-dispatch takes JSON messages from a RabbitMQ queue, does with Docker containers what they say, and prints what
// the containers write and what becomes of each message. See README.md.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"slices"
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
       docker-dispatch calls [-policy FILE] [-o text|json] [-allow cetusguard|wollomatic|tecnativa]
                                      every Docker API call that the program can make, or messages
                                      can reach under a policy; or the rules of a socket proxy that
                                      let these calls through
       docker-dispatch check [-policy FILE] [-q QUEUE] [message.json…]
                                      what would be done for messages, with nothing sent; without a
                                      file, for those on standard input
       docker-dispatch send [-q QUEUE] [-id ID] [-sign KEYFILE] [-amqp amqpAddr] [message.json…]
                                      puts messages into the queue, and prints their ids; without a
                                      file, those on standard input
       docker-dispatch keygen NAME    makes the file NAME.key for send -sign, and prints a line for
                                      the file of -verify
       docker-dispatch schema [policy]
                                      the JSON Schema of the messages, or of a policy

dockerHostAddr  ip:port, tcp://host[:port], a socket's absolute path or unix:///path
                (default $DOCKER_HOST, else /var/run/docker.sock, with TLS tcp://localhost)
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

const (
	defaultQueue   = "docker-dispatch"
	defaultMaxBody = 16 << 20 // bytes
	defaultSocket  = "/var/run/docker.sock"
	defaultBroker  = "amqp://guest:guest@localhost:5672/"
)

// defaultClaim covers short runs by the broker to their end, for the price of nothing.
const defaultClaim = cmds.Claim(10 * time.Second)

// leaveTime is how long work that was told to end may take for it.
const leaveTime = time.Second

// stopTime is that of work whose containers are stopped first, which have their own time for it.
const stopTime = 35 * time.Second

// tidyTime is for the removal of containers whose messages were settled just now, a second after that.
const tidyTime = 5 * time.Second

// threadMessages is how many messages at once a thread works on before another is worth its waking. Below that a second one mostly
// wakes to find nothing to do: with 10 containers that cost nothing it takes a fifth more CPU for 3 % more messages a second.
const threadMessages = 16

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
	password  string // the path of a file with the broker's; "" is that of the URI
	tls       engineTLS
	policy    string // the path of its file; "" is none
	audit     string // "" is none, "-" standard output
	verify    string // the path of the signers' keys; "" takes messages that nobody has signed
	verifyAge time.Duration
	seen      string // the path of the used signatures; "" is memory alone
	verbose   bool

	stop, remove bool // of the command orphans
}

// commands are what the program does by its first argument, with those behind it, to an exit code. Any other is an argument of its
// usual life.
var commands = map[string]func(args []string) int{
	"calls":   printCalls,
	"check":   check,
	"keygen":  keygen,
	"orphans": func(args []string) int { return live(args, true, orphans) },
	"schema":  printSchema,
	"send":    send,
}

func main() {
	args := hidePasswords(os.Args[1:])
	if len(args) > 0 && commands[args[0]] != nil {
		os.Exit(commands[args[0]](args[1:]))
	}
	os.Exit(live(args, false, run))
}

// live is a life with the options of one.
func live(args []string, orphans bool, life func(*config, *logfmt.Logger) int) int {
	cfg, err := parse(args, orphans)
	if err != nil {
		return usageError("docker-dispatch", err)
	}
	level := logfmt.Info
	if cfg.verbose {
		level = logfmt.Debug
	}
	return life(cfg, logfmt.New(os.Stderr, level))
}

// usageError says why a command line cannot be used, unless it asked for help and has it.
func usageError(command string, err error) int {
	if errors.Is(err, flag.ErrHelp) {
		return exitOK
	}
	fmt.Fprintf(os.Stderr, "%s: %v\n", command, err)
	return exitUsage
}

// parseFlags reads options. Help is printed, and ends in flag.ErrHelp.
func parseFlags(f *flag.FlagSet, args []string) error {
	f.SetOutput(io.Discard)
	err := f.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Print(usage)
		f.SetOutput(os.Stdout)
		f.PrintDefaults()
		return err
	case err != nil:
		return fmt.Errorf("%w (%s -h lists the options)", err, f.Name())
	}
	return nil
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
func parse(args []string, orphans bool) (*config, error) {
	cfg := &config{claim: defaultClaim}
	var version bool
	hostname, _ := os.Hostname()
	f := flag.NewFlagSet("docker-dispatch", flag.ContinueOnError)
	f.StringVar(&cfg.queue, "q", defaultQueue, "`queue` to consume")
	f.IntVar(&cfg.slots, "c", 16, "`number` of messages worked on at once")
	f.StringVar(&cfg.format, "o", "text", "what standard output carries: `text|json`")
	f.StringVar(&cfg.name, "name", or(os.Getenv("DOCKER_DISPATCH_NAME"), hostname), "this dispatcher's `name`, in labels and logs; default $DOCKER_DISPATCH_NAME, else the host name")
	f.DurationVar(&cfg.drain, "drain", 8*time.Second, "how long messages in work may take to finish when told to leave")
	f.IntVar(&cfg.maxBody, "max-body", defaultMaxBody, "the longest message, in `bytes`")
	f.StringVar(&cfg.queueType, "queue-type", "", "`classic|quorum`, for a queue that does not exist yet; default quorum from RabbitMQ 4.0 on, classic below")
	f.Func("claim", "a run that has gone on for this `time` is taken over from the broker; 0 is at its start, never at its end (default 10s)", func(s string) (err error) {
		cfg.claim, err = cmds.ParseClaim(s)
		return err
	})
	f.StringVar(&cfg.orphans, "orphans", "leave", "`leave|stop|remove` containers of an earlier run whose messages do not come back")
	f.StringVar(&cfg.onLost, "on-lost", "continue", "`continue|stop` a run whose message the broker has taken back, with its connection")
	f.StringVar(&cfg.onExit, "on-exit", "leave", "`leave|stop` runs that are not finished after -drain; stopped ones are given to another dispatcher")
	f.StringVar(&cfg.logins, "docker-config", os.Getenv("DOCKER_CONFIG"), "docker's config file, or its folder: the `path` of the credentials for private registries; default $DOCKER_CONFIG, else $HOME/.docker")
	f.StringVar(&cfg.policy, "policy", "", "what messages may do, by this `file`; SIGHUP reads it anew. Without one they have no power over the host")
	f.StringVar(&cfg.verify, "verify", "", "do only messages that are signed by a key of this `file`, with lines NAME BASE64; SIGHUP reads it anew")
	f.DurationVar(&cfg.verifyAge, "verify-age", time.Hour, "how long a signature is good")
	f.StringVar(&cfg.seen, "verify-seen", "", "write the used signatures to this `file`, so that none is good once more after a restart")
	f.StringVar(&cfg.audit, "audit", "", "write a line of JSON before and after each call of the Docker API, and for each decision, to this `file`, or - for standard output; SIGHUP opens it anew")
	f.StringVar(&cfg.password, "amqp-password-file", "", "the `path` of a file with the password of amqpAddr's user, which amqpAddr then has not")
	cfg.tls.define(f)
	f.BoolVar(&cfg.verbose, "v", false, "log every step to standard error")
	f.BoolVar(&version, "version", false, "print the version")
	if orphans {
		f.BoolVar(&cfg.stop, "stop", false, "stop them")
		f.BoolVar(&cfg.remove, "remove", false, "stop and remove them")
	}
	err := parseFlags(f, args)
	switch {
	case err != nil:
		return cfg, err
	case version:
		fmt.Println("docker-dispatch", programVersion)
		return cfg, flag.ErrHelp
	}
	if err := cfg.tls.settle(f); err != nil {
		return cfg, err
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
		{cfg.verifyAge > 0, "-verify-age", cfg.verifyAge, "a time with its unit (90m), more than 0"},
		{cfg.seen == "" || cfg.verify != "", "-verify-seen", cfg.seen, "without -verify no signature is looked at"},
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
	engine := or(os.Getenv("DOCKER_HOST"), cfg.tls.defaultAddress())
	cfg.broker = or(os.Getenv("AMQP_URL"), defaultBroker)
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
	if cfg.broker == "-" && cfg.verify != "" {
		return errors.New("-verify: messages from standard input have no headers, and so no signatures")
	}
	if cfg.engine, err = cfg.tls.address(engine); err != nil || cfg.broker == "-" {
		return err
	}
	if err := amqp.CheckURI(cfg.broker); err != nil {
		return err
	}
	return amqp.CheckPasswordFile(cfg.broker, cfg.password)
}

func or(value, otherwise string) string {
	if value != "" {
		return value
	}
	return otherwise
}

// run is the program's life: wait for the Engine, take messages until told to leave, let what is in work finish.
func run(cfg *config, log *logfmt.Logger) int {
	take, leave := context.WithCancel(context.Background())
	work, abandon := context.WithCancel(context.Background())
	defer abandon()
	defer leave()
	obeySignals(leave, log)
	limitThreads(cfg.slots)

	credentials, err := cmds.FindCredentials(cfg.logins)
	if err != nil {
		log.Error("cannot read the credentials for registries", "error", err)
		return exitFailed
	}
	warnOfFiles(cfg, credentials, log)
	policy, err := readPolicy(cfg.policy, cfg.engine)
	if err != nil {
		log.Error("messages cannot be judged", "error", err)
		return exitUsage
	}
	verifier, err := verifierOf(cfg)
	if err != nil {
		log.Error("signatures cannot be verified", "error", err)
		return exitUsage
	}
	if err := remember(cfg, verifier); err != nil {
		log.Error("signatures cannot be verified", "error", err)
		return exitFailed
	}
	printer := cmds.NewPrinter(standardOutput(cfg), cfg.format)
	client := connect(cfg, log)
	defer client.Close()
	audit, err := auditTo(take, cfg, client, log)
	if err != nil {
		log.Error("calls cannot be audited", "error", err)
		return exitFailed
	}
	defer closeAudit(audit, log)
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
	d.Audit, d.Verifier = audit, verifier
	renewals := []func() error{func() error { return obeyPolicy(cfg, d, log) }}
	if verifier != nil {
		renewals = append(renewals, func() error { return reread(cfg, verifier, log) })
	}
	if audit != nil {
		audit.Broken = d.Broken
		renewals = append(renewals, audit.Reopen)
	}
	obeyHangups(log, renewals...)
	d.Obey(policy)
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

// limitThreads has no more threads run Go at once than so many messages keep busy, unless the operator has said how many.
func limitThreads(messages int) {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(min(runtime.GOMAXPROCS(0), 1+messages/threadMessages))
	}
}

// standardOutput is where outputs and results go. Where the audit's lines come between them, each is one Write of the same file.
func standardOutput(cfg *config) io.Writer {
	cmds.Widen(int(syscall.Stdout))
	if cfg.audit == "-" {
		return struct{ io.Writer }{os.Stdout}
	}
	return os.Stdout
}

func connect(cfg *config, log *logfmt.Logger) *dockerapi.Client {
	warnOfEngine(cfg.engine, log)
	client := dockerapi.New(cfg.engine)
	if log.Writes(logfmt.Debug) {
		client.OnCall = func(r dockerapi.Record) {
			log.Debug("engine", "call", r.Operation, "target", r.Target, "status", r.Status, "error", r.Err, "time", r.Duration)
		}
	}
	return client
}

// auditTo has every call of client written down, if the operator wants that. The audit is nil if not.
func auditTo(take context.Context, cfg *config, client *dockerapi.Client, log *logfmt.Logger) (*cmds.Audit, error) {
	if cfg.audit == "" {
		return nil, nil
	}
	audit, err := cmds.OpenAudit(take, cfg.audit, log)
	if err != nil {
		return nil, err
	}
	client.Admit = audit.Call
	return audit, nil
}

func closeAudit(audit *cmds.Audit, log *logfmt.Logger) {
	if audit == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), leaveTime)
	defer cancel()
	if err := audit.Close(ctx); err != nil {
		log.Error("the audit is not complete", "error", err)
	}
}

// consume hands deliveries to d until take ends. Before the first it goes on where an earlier process has ended. The broker is
// to be closed when everything is settled.
func consume(take, work context.Context, cfg *config, d *cmds.Dispatcher, host *cmds.Host, log *logfmt.Logger) (*amqp.Broker, error) {
	resume := func(context.Context) {
		if err := d.Resume(take, work, host, cfg.queue, cmds.Orphans(cfg.orphans)); err != nil && take.Err() == nil {
			log.Error("what an earlier run has left cannot be listed, and is left", "error", err)
		}
	}
	broker, err := amqp.New(amqp.Config{
		URI: cfg.broker, PasswordFile: cfg.password, Queue: cfg.queue, QueueType: cfg.queueType, Prefetch: cfg.slots, Name: cfg.name, Log: log,
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
func orphans(cfg *config, log *logfmt.Logger) int {
	ctx, leave := context.WithCancel(context.Background())
	defer leave()
	obeySignals(leave, log)
	client := connect(cfg, log)
	defer client.Close()
	audit, err := auditTo(ctx, cfg, client, log)
	if err != nil {
		log.Error("calls cannot be audited", "error", err)
		return exitFailed
	}
	defer closeAudit(audit, log)
	host := cmds.NewHost(client, log)
	var problem error
	act := func(ctx context.Context) {
		problem = endAll(ctx, cfg, host)
		leave()
	}
	if err := host.Ready(ctx); err != nil {
		problem = err
	} else if cfg.broker == "-" || !cfg.stop && !cfg.remove {
		act(ctx)
	} else if broker, err := amqp.New(amqp.Config{URI: cfg.broker, PasswordFile: cfg.password, Queue: cfg.queue, QueueType: cfg.queueType, Prefetch: 1, Name: cfg.name, Log: log, Control: func(wire.Delivery) {}, Ready: act}); err != nil {
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

func endAll(ctx context.Context, cfg *config, host *cmds.Host) error {
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
func readMessages(ctx context.Context, cfg *config, deliver func(wire.Delivery)) {
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
func drain(ctx context.Context, cfg *config, d *cmds.Dispatcher, abandon func(), log *logfmt.Logger) {
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

// obeyPolicy reads the policy's file anew. A broken one changes nothing.
func obeyPolicy(cfg *config, d *cmds.Dispatcher, log *logfmt.Logger) error {
	if cfg.policy == "" {
		return nil
	}
	policy, err := readPolicy(cfg.policy, cfg.engine)
	if err != nil {
		return err
	}
	d.Obey(policy)
	log.Info("the policy was read anew", "file", cfg.policy)
	return nil
}

// verifierOf is nil where messages need no signature.
func verifierOf(cfg *config) (*cmds.Verifier, error) {
	if cfg.verify == "" {
		return nil, nil
	}
	verifier, err := cmds.NewVerifier(cfg.verify, cfg.verifyAge)
	if err != nil {
		return nil, err
	}
	verifier.User = amqp.Login(cfg.broker)
	return verifier, nil
}

// remember has used signatures outlive the program, which holds their file to its end.
func remember(cfg *config, verifier *cmds.Verifier) error {
	if cfg.seen == "" {
		return nil
	}
	return verifier.Remember(cfg.seen)
}

// reread reads the file of keys anew. A broken one changes nothing.
func reread(cfg *config, verifier *cmds.Verifier, log *logfmt.Logger) error {
	if err := verifier.Reread(); err != nil {
		return err
	}
	log.Info("the keys were read anew", "file", cfg.verify)
	return nil
}

// obeyHangups looks at files anew at each SIGHUP, one after the other.
func obeyHangups(log *logfmt.Logger, renewals ...func() error) {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	go func() {
		for range hangups {
			for _, renew := range renewals {
				if err := renew(); err != nil {
					log.Error("SIGHUP: going on with what there was", "error", err)
				}
			}
		}
	}()
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

// printSchema is the command schema.
func printSchema(args []string) int {
	write := map[string]func(io.Writer) error{"": cmds.WriteSchema, "policy": cmds.WritePolicySchema}[strings.Join(args, " ")]
	if write == nil {
		return usageError("docker-dispatch: schema", fmt.Errorf("%.60q: policy, or no argument", strings.Join(args, " ")))
	}
	if write(os.Stdout) != nil {
		return exitFailed
	}
	return exitOK
}

// printCalls is the command calls: the calls table, of a policy the part that messages can reach under it.
func printCalls(args []string) int {
	format, policy, err := callOptions(args)
	var calls []dockerapi.Call
	if err == nil {
		calls, err = reachable(policy)
	}
	if err != nil {
		return usageError("docker-dispatch: calls", err)
	}
	if dockerapi.CallFormats[format](os.Stdout, calls) != nil {
		return exitFailed
	}
	return exitOK
}

// reachable are the calls under the policy in a file; "" is all calls.
func reachable(path string) ([]dockerapi.Call, error) {
	calls := dockerapi.Calls()
	if path == "" {
		return calls, nil
	}
	policy, err := cmds.ReadPolicy(path)
	if err != nil {
		return nil, err
	}
	operations := policy.Operations()
	var within []dockerapi.Call
	for _, c := range calls {
		if slices.Contains(operations, c.Operation) {
			within = append(within, c)
		}
	}
	return within, nil
}

// callOptions reads how the calls are to be printed, and the path of a policy.
func callOptions(args []string) (format, policy string, err error) {
	f := flag.NewFlagSet("docker-dispatch calls", flag.ContinueOnError)
	output := f.String("o", "text", "how the calls are printed: `text|json`")
	proxy := f.String("allow", "", "print the rules of a socket `proxy` that let these calls through: cetusguard, wollomatic or tecnativa")
	f.StringVar(&policy, "policy", "", "only the calls that messages can reach under the policy in this `file`")
	err = parseFlags(f, args)
	switch {
	case err != nil:
	case f.NArg() > 0:
		err = fmt.Errorf("%.60q: no arguments but options", f.Arg(0))
	case *output != "text" && *output != "json":
		err = fmt.Errorf("-o %.60q: text or json", *output)
	case *proxy == "text" || *proxy == "json" || *proxy != "" && dockerapi.CallFormats[*proxy] == nil:
		err = fmt.Errorf("-allow %.60q: cetusguard, wollomatic or tecnativa", *proxy)
	}
	return cmp.Or(*proxy, *output), policy, err
}

// readPolicy reads the policy's file; "" is the policy of those who have none. The files of an Engine on a socket are this machine's.
func readPolicy(path string, engine wire.Addr) (*cmds.Policy, error) {
	policy := cmds.NewPolicy()
	if path != "" {
		var err error
		if policy, err = cmds.ReadPolicy(path); err != nil {
			return nil, err
		}
	}
	policy.HostFiles = engine.Network == "unix"
	return policy, nil
}

// check is the command check: what would be done for messages, with nothing sent.
func check(args []string) int {
	c, files, err := checkOptions(args)
	if err == nil {
		err = eachFile(files, c.Messages)
	}
	switch {
	case err != nil:
		return usageError("docker-dispatch: check", err)
	case c.Refused > 0:
		return exitFailed
	}
	return exitOK
}

// eachFile reads the files of messages, or standard input where there are none.
func eachFile(names []string, read func(name string, r io.Reader) error) error {
	if len(names) == 0 {
		return read("-", os.Stdin)
	}
	for _, name := range names {
		file, err := os.Open(name)
		if err != nil {
			return err
		}
		err = read(name, file)
		file.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

func checkOptions(args []string) (*cmds.Check, []string, error) {
	c := &cmds.Check{Out: os.Stdout, Dispatcher: "NAME"}
	f := flag.NewFlagSet("docker-dispatch check", flag.ContinueOnError)
	policy := f.String("policy", "", "what messages may do, by this `file`")
	f.StringVar(&c.Queue, "q", defaultQueue, "the `queue` that the messages would come from")
	f.IntVar(&c.MaxBody, "max-body", defaultMaxBody, "the longest message, in `bytes`")
	if err := parseFlags(f, args); err != nil {
		return nil, nil, err
	}
	engine, err := wire.ParseAddr(or(os.Getenv("DOCKER_HOST"), defaultSocket))
	if err == nil {
		c.Policy, err = readPolicy(*policy, engine)
	}
	return c, f.Args(), err
}

// keygen is the command keygen: a key pair.
func keygen(args []string) int {
	const name = "docker-dispatch keygen"
	if len(args) != 1 || strings.HasPrefix(args[0], "-") {
		return usageError(name, fmt.Errorf("%.60q: there is one argument, the key's name", args))
	}
	line, err := cmds.MakeKey(args[0])
	if err != nil {
		return failure(name, err)
	}
	fmt.Println(line)
	return exitOK
}

// failure says why a command could not be done.
func failure(command string, err error) int {
	fmt.Fprintf(os.Stderr, "%s: %v\n", command, err)
	return exitFailed
}

// send is the command send: messages go into a queue.
func send(args []string) int {
	const name = "docker-dispatch send"
	s, broker, files, err := sendOptions(name, args)
	if err != nil {
		return usageError(name, err)
	}
	defer broker.Close()
	if err := eachFile(files, s.Messages); err != nil {
		return failure(name, err)
	}
	return exitOK
}

func sendOptions(name string, args []string) (s *cmds.Send, broker *amqp.Broker, files []string, err error) {
	s = &cmds.Send{Out: os.Stdout}
	log := logfmt.New(os.Stderr, logfmt.Warn)
	cfg := amqp.Config{Prefetch: 1, Name: "send", Log: log}
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.StringVar(&s.Queue, "q", defaultQueue, "the `queue` of the messages, which is there")
	f.StringVar(&s.ID, "id", "", "the `id` of the one message; default a random one for each")
	f.IntVar(&s.MaxBody, "max-body", defaultMaxBody, "the longest message, in `bytes`")
	f.DurationVar(&s.Timeout, "timeout", 30*time.Second, "how long the broker may take for a message")
	f.StringVar(&cfg.URI, "amqp", or(os.Getenv("AMQP_URL"), defaultBroker), "the broker: `amqpAddr`")
	f.StringVar(&cfg.PasswordFile, "amqp-password-file", "", "the `path` of a file with the password of amqpAddr's user, which amqpAddr then has not")
	key := f.String("sign", "", "sign the messages with the key in this `file`")
	if err = parseFlags(f, args); err != nil {
		return nil, nil, nil, err
	}
	if *key != "" {
		if s.Key, err = cmds.ReadPrivateKey(*key); err != nil {
			return nil, nil, nil, err
		}
		warnOfSecrets(log, *key)
	}
	warnOfSecrets(log, cfg.PasswordFile)
	cfg.Queue = s.Queue
	if broker, err = amqp.New(cfg); err != nil {
		return nil, nil, nil, err
	}
	s.Publish = broker.Publish
	return s, broker, f.Args(), nil
}

// engineTLS is what is said of TLS with the Engine, in the words of docker's CLI.
type engineTLS struct {
	on, verify    bool
	ca, cert, key string // paths; "" is the place where docker's CLI looks
}

func (o *engineTLS) define(f *flag.FlagSet) {
	f.BoolVar(&o.on, "tls", false, "TLS with the Engine, and no look at who it is: whoever answers can be it; -tlsverify is TLS too")
	f.BoolVar(&o.verify, "tlsverify", os.Getenv("DOCKER_TLS_VERIFY") != "", "TLS with the Engine, whose certificate has to be for the host of dockerHostAddr; default whether $DOCKER_TLS_VERIFY is set")
	f.StringVar(&o.ca, "tlscacert", "", "the authorities that may have signed it: `path`, PEM; default ca.pem in $DOCKER_CERT_PATH, else in $DOCKER_CONFIG, else in $HOME/.docker")
	f.StringVar(&o.cert, "tlscert", "", "the certificate that the Engine is shown: `path`, PEM; default cert.pem there, if it is there")
	f.StringVar(&o.key, "tlskey", "", "its key: `path`, PEM; default key.pem there")
}

// settle takes -tlsverify=false for TLS that is not verified, as docker's CLI does, and refuses options that would have no
// effect.
func (o *engineTLS) settle(f *flag.FlagSet) (err error) {
	f.Visit(func(option *flag.Flag) { o.on = o.on || option.Name == "tlsverify" })
	o.on = o.on || o.verify
	f.Visit(func(option *flag.Flag) {
		switch option.Name {
		case "tlscacert", "tlscert", "tlskey":
			if !o.on {
				err = fmt.Errorf("-%s without -tlsverify: there is no TLS then", option.Name)
			}
		}
	})
	return err
}

// address reads that of an Engine.
func (o *engineTLS) address(s string) (wire.Addr, error) {
	if !o.on {
		return wire.ParseAddr(s)
	}
	dir := or(os.Getenv("DOCKER_CERT_PATH"), or(os.Getenv("DOCKER_CONFIG"), os.Getenv("HOME")+"/.docker"))
	t := wire.TLS{CA: or(o.ca, dir+"/ca.pem"), Cert: or(o.cert, dir+"/cert.pem"), Key: or(o.key, dir+"/key.pem"), Unverified: !o.verify}
	if o.cert+o.key == "" && !isThere(t.Cert) && !isThere(t.Key) {
		t.Cert, t.Key = "", ""
	}
	return wire.ParseTLSAddr(s, t)
}

// defaultAddress is that of docker's CLI.
func (o *engineTLS) defaultAddress() string {
	if o.on {
		return "tcp://localhost"
	}
	return defaultSocket
}

func isThere(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// warnOfEngine says who else could command the Engine on the way to it.
func warnOfEngine(address wire.Addr, log *logfmt.Logger) {
	switch {
	case address.TLS != nil && address.TLS.Unverified:
		log.Warn("the Engine's certificate is not verified: whoever is on the way to it can be it, and can command it", "address", address.String(), "mend", "use -tlsverify")
	case address.Crosses():
		log.Warn("no TLS with the Engine: whoever is on the way to it can listen, and can command it", "address", address.String(), "mend", "use -tlsverify, and the Engine's port for TLS")
	}
}

// warnOfFiles names those with secrets that are open to others, and those by which others could grant themselves what they like.
func warnOfFiles(cfg *config, credentials cmds.Credentials, log *logfmt.Logger) {
	warnOfSecrets(log, cfg.password, amqp.KeyFile(cfg.broker), credentials.Secrets())
	if cfg.engine.TLS != nil {
		warnOfSecrets(log, cfg.engine.TLS.Key)
	}
	for _, path := range []string{cfg.policy, cfg.verify} {
		if mode, open := wire.OpenToOthers(path, wire.WriteAccess); open {
			log.Warn("users other than its owner may change what messages may do", "file", path, "mode", fmt.Sprintf("%04o", mode), "mend", "chmod go-w")
		}
	}
}

func warnOfSecrets(log *logfmt.Logger, files ...string) {
	for _, path := range files {
		if mode, open := wire.OpenToOthers(path, wire.AnyAccess); open {
			log.Warn("a file with secrets is open to users other than its owner", "file", path, "mode", fmt.Sprintf("%04o", mode), "mend", "chmod 600")
		}
	}
}
