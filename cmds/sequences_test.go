package cmds

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"docker-dispatch/dockerapi"
	"docker-dispatch/wire"
)

// The oracle of the commands: what docker's CLI asks of an Engine for a command line, and what is asked here for the message that
// means the same, request for request. They are kept and compared as those of run are: see TestOracle.
const sequencesFile = "testdata/sequences.txt"

// sequenceCases are command lines: the API version after "@", words with blanks in quotes, standard input after "<".
var sequenceCases = []string{
	"stop web", "stop --timeout=5 web", "stop --timeout=0 web", "stop --timeout=-1 web", "stop --time=5 web", "stop --signal=TERM web", "stop --signal=SIGUSR1 --timeout=3 web", "stop --timeout=x web", "stop --signal= web", "@1.41 stop --timeout=5 web", "@1.41 stop --signal=TERM web", "stop web/../x",
	"restart web", "restart --timeout=5 web", "restart --timeout=0 --signal=HUP web", "@1.41 restart --signal=HUP web",
	"kill web", "kill --signal=USR1 web", "kill --signal=9 web", "kill --signal= web",
	"pause web", "unpause web", "wait web",
	"rename web web2", "rename web ' '",
	"rm web", "rm --force web", "rm --volumes web", "rm --force --volumes web", "rm --force=false web", "rm web/db", "rm --link web/db", "rm --link --force web/db",
	"start web", "start --attach web", "start --attach tty", "start --interactive web < hello", "start --attach --interactive web < hello", "start --attach --interactive tty < terminal", "@1.41 start --attach web",
	"run --detach --name=web busybox cmd", "run --detach --rm missing", "run --attach=stdout --attach=stderr busybox cmd", "run --attach=stdout --restart=always busybox cmd",
	"create busybox", "create missing", "create --pull=never missing", "create --name=web busybox cmd arg", "create --attach=stdout --attach=stderr busybox", "create --attach=stdin --interactive busybox", "create --interactive busybox", "create --tty busybox", "create --rm --name=web busybox", "create --pull=always busybox", "create --pull=always --platform=linux/arm64 busybox", "create --pull=never busybox", "create --pull=always private.example:5000/a/b:c", "create --memory=512m --memory-swap=1g --publish=80 --volume=data:/data busybox", "create --memory=5x busybox", "@1.41 create --name=web busybox",
	"exec web cmd arg", "exec --detach web cmd", "exec --env=A=1 --workdir=/ --user=1000 web cmd arg", "exec --env=A=1 --env=B= --env=A=2 web cmd", "exec --env==x web cmd", "exec --env=UNSET web cmd", "exec --privileged web cmd", "exec --interactive web cat < hello", "exec --tty web cmd", "exec --interactive --tty web cat < terminal", "exec --detach --tty web cmd", "exec --detach --env=A=1 --user=me --privileged web cmd", "exec --detach --interactive web cmd", "exec --user= --workdir= web cmd", "exec --privileged=false web cmd", "@1.41 exec --env=A=1 --tty --user=1000 web cmd", "exec web",
	"logs web", "logs tty", "logs --tail=5 web", "logs --tail=all web", "logs --tail=-1 web", "logs --tail=x web", "logs --follow web", "logs --follow=false --timestamps --details web",
	"logs --since=42m web", "logs --since=1h30m web", "logs --since=1.5h web", "logs --since=-5m web", "logs --since=2026-01-02T03:04:05Z web", "logs --since=2026-01-02T03:04:05.678Z web", "logs --since=2026-01-02T03:04:05+02:00 web", "logs --since=2026-01-02 web", "logs --since=2026-01-02T03 web", "logs --since=2026-01-02T03:04 web", "logs --since=2026-01-02T03:04:05 web", "logs --since=2026-01-02T03:04:05.000000001 web", "logs --since=2026-01-02Z web", "logs --since=2026-01-02T03Z web", "logs --since=2026-01-02T03:04Z web", "logs --since=2026-01-02+02:00 web",
	"logs --since=1767322000 web", "logs --since=1767322000.123456789 web", "logs --since=1767322000.5 web", "logs --since=0 web", "logs --since=-5 web", "logs --since=1767322000.1234567891 web", "logs --since= web", "logs --since=yesterday web", "logs --until=2026-13-02 web", "logs --until=10m web", "logs --since=42m --until=10m --timestamps --follow --details --tail=5 web", "@1.41 logs --since=42m web",
	"inspect --type=container web", "inspect --type=container --size web", "inspect --type=image busybox", "inspect --type=image busybox:1.36", "inspect --type=image private.example:5000/a/b:c", "inspect --type=network mynet", "inspect --type=volume data", "@1.41 inspect --type=image busybox",
	"cp web:/etc/hosts -", "cp --follow-link web:/etc/hosts -", "cp --follow-link web:/etc/link -", "cp web:/etc/link -", "cp web:/etc/ -", "cp web:/srv/. -", "cp web:etc/hosts -", "cp web:../etc/hosts -", "cp 'web:/a b/ü?x=1&y' -", "cp - web:/srv < tar", "cp --archive - web:/srv < tar", "cp - web:/srv/ < tar", "cp - web:/srv/link < tar", "@1.41 cp --archive - web:/srv < tar",
	"pull busybox", "pull busybox:1.36", "pull --all-tags busybox", "pull --all-tags busybox:1.36", "pull --platform=linux/arm64 busybox", "pull --platform=linux busybox", "pull library/busybox", "pull docker.io/library/busybox:1", "pull ghcr.io/a/b", "pull private.example:5000/a/b:c", "pull --all-tags private.example:5000/a/b", "pull localhost/x", "pull localhost:5000/x", "pull UPPER/x", "pull busybox@" + noDigest, "pull busybox:1@" + noDigest, "pull --all-tags busybox@" + noDigest, "pull 'a b'", "@1.41 pull --platform=linux/arm64 busybox",
	"ps", "ps --all", "ps --last=3", "ps --last=0", "ps --last=x", "ps --latest", "ps --latest --all", "ps --all --last=3 --size", "ps --size", "ps --filter=status=exited", "ps --filter=status=exited --filter=status=running --filter=label=a=b", "ps --filter=name=web --filter=name=db", "ps '--filter=label = a'", "ps --filter=STATUS=exited", "ps --filter=nonsense=x", "ps --all '--filter=name=^/web$'", "ps --filter=status", "@1.41 ps --all --filter=label=a",
	"update --memory=512m web", "update --memory=512m --memory-swap=-1 web", "update --memory-swap=1g web", "update --memory-reservation=256m web", "update --cpus=1.5 web", "update --cpu-shares=512 --cpu-period=50000 --cpu-quota=25000 web", "update --cpu-rt-period=1000000 --cpu-rt-runtime=950000 web", "update --cpuset-cpus=0-1 --cpuset-mems=0 web", "update --blkio-weight=300 web", "update --pids-limit=100 web", "update --pids-limit=-1 web", "update --restart=always web", "update --restart=on-failure:3 web", "update --restart=unless-stopped web", "update --restart=no web", "update --memory=512m --cpus=.5 --restart=unless-stopped --pids-limit=7 --blkio-weight=10 web",
	"update --memory=5x web", "update --cpus=x web", "update --restart=x:y web", "update web", "update --pids-limit=0 web", "update --restart= web", "update --cpus=1.5 --cpu-quota=50000 web", "@1.41 update --memory=512m web", "@1.41 update --kernel-memory=64m web",
	"rmi busybox", "rmi --force busybox", "rmi --no-prune busybox", "rmi --force --no-prune busybox:1.36", "rmi private.example:5000/a/b:c", "rmi busybox@" + noDigest, "rmi --platform=linux/amd64 busybox", "rmi --platform=linux/arm/v7 busybox", "@1.41 rmi --platform=linux/amd64 busybox",
	"volume create data", "volume create", "volume create --driver=local --opt=type=tmpfs --opt=device=tmpfs --opt=o=size=64m --label=a=b --label=c data", "volume create --opt=bare data", "volume create --label==x data", "volume create --opt==x data", "volume create --driver= data", "@1.41 volume create data",
	"volume rm data", "volume rm --force data",
	"network create mynet", "network create --driver=overlay --attachable mynet", "network create --internal mynet", "network create --driver=overlay --ingress mynet", "network create --scope=swarm mynet", "network create --config-only --subnet=10.1.0.0/16 mynet", "network create --config-from=other mynet", "network create --ipv6 mynet", "network create --ipv4=false --ipv6 mynet", "network create --ipv6=false --ipv4 mynet", "network create --opt=com.docker.network.bridge.name=br1 --opt=bare --label=a=b --label=c mynet", "network create --driver= mynet", "network create --ipam-driver=dhcp --ipam-opt=a=b --ipam-opt=c mynet", "network create --ipam-driver= mynet",
	"network create --subnet=10.1.0.0/16 mynet", "network create --subnet=10.1.0.0/16 --gateway=10.1.0.1 --ip-range=10.1.5.0/24 --aux-address=db=10.1.0.9 mynet", "network create --subnet=10.1.0.0/16 --subnet=10.2.0.0/16 --gateway=10.1.0.1 --gateway=10.2.0.1 --ip-range=10.2.5.0/24 --ip-range=10.1.5.0/24 --aux-address=db=10.1.0.9 --aux-address=web=10.2.0.9 mynet", "network create --subnet=10.1.0.0/16,10.2.0.0/16 mynet", "network create --ipv6 --subnet=2001:db8::/64 --gateway=2001:db8::1 --subnet=10.1.0.0/16 mynet", "network create --subnet=10.1.0.5/16 --gateway=10.1.0.1 mynet", "network create --subnet=10.1.0.0/16 --ip-range=10.1.5.7/24 mynet", "network create --subnet=10.1.0.0/16 --ip-range=10.0.0.0/8 mynet", "network create --subnet=10.1.0.0/16 --aux-address=a=10.1.0.1 --aux-address=a=10.1.0.2 mynet", "network create --subnet=10.1.0.0/16 --aux-address=my.host=10.1.0.1 mynet", "network create --subnet= mynet",
	"network create --gateway=10.1.0.1 mynet", "network create --ip-range=10.1.5.0/24 mynet", "network create --aux-address=db=10.1.0.9 mynet", "network create --subnet=10.1.0.0/16 --gateway=10.9.0.1 mynet", "network create --subnet=10.1.0.0/16 --gateway=x mynet", "network create --subnet=10.1.0.0/16 --ip-range=10.9.0.0/24 mynet", "network create --subnet=10.1.0.0/16 --ip-range=x mynet", "network create --subnet=10.1.0.0/16 --aux-address=db=10.9.0.1 mynet", "network create --subnet=10.1.0.0/16 --aux-address=db=x mynet", "network create --subnet=10.1.0.0/16 --aux-address=db mynet", "network create --subnet=10.1.0.0/16 --subnet=10.1.5.0/24 mynet", "network create --subnet=10.1.5.0/24 --subnet=10.1.0.0/16 mynet", "network create --subnet=10.1.0.0/16 --gateway=10.1.0.1 --gateway=10.1.0.2 mynet", "network create --subnet=10.1.0.0/16 --ip-range=10.1.5.0/24 --ip-range=10.1.6.0/24 mynet", "network create --subnet=x mynet", "network create --subnet=10.1.0.0/33 mynet", "network create --subnet=x --subnet=y mynet",
	"@1.43 network create mynet", "@1.44 network create mynet", "@1.41 network create --ipv6 --subnet=10.1.0.0/16 mynet", "@1.47 network create --ipv4=false mynet", "@1.48 network create --ipv4=false mynet",
	"network rm mynet", "network rm --force mynet",
	"network connect mynet web", "network connect --alias=a --alias=b mynet web", "network connect --alias=a,b mynet web", "network connect --ip=10.1.0.9 --ip6=2001:db8::9 mynet web", "network connect --ip=x mynet web", "network connect --link=db --link=web2:w mynet web", "network connect --link=a:b:c mynet web", "network connect --link= mynet web", "network connect --link-local-ip=169.254.1.1 --link-local-ip=fe80::1 mynet web", "network connect --driver-opt=a=b --driver-opt=c.d=e=f mynet web", "network connect --driver-opt=x mynet web", "network connect --driver-opt==x mynet web", "network connect --driver-opt=a=b,c=d mynet web", "network connect --gw-priority=5 mynet web", "network connect --gw-priority=-5 mynet web", "network connect --gw-priority=0 mynet web", "network connect --gw-priority=x mynet web", "network connect --alias=a --driver-opt=a=b --gw-priority=1 --ip=10.1.0.9 --ip6=2001:db8::9 --link=db:d --link-local-ip=169.254.1.1 mynet web", "@1.41 network connect --alias=a mynet web", "@1.41 network connect --gw-priority=5 mynet web", "network connect 'my net' web",
	"network disconnect mynet web", "network disconnect --force mynet web",
}

const noDigest = "sha256:0000000000000000000000000000000000000000000000000000000000000000"

// sequenceDifferences are the cases in which something else is done here, and why.
var sequenceDifferences = map[string]string{
	"@1.41 stop --signal=TERM web":                     tooOldHere,
	"@1.41 restart --signal=HUP web":                   tooOldHere,
	"@1.47 network create --ipv4=false mynet":          tooOldHere,
	"@1.41 network connect --gw-priority=5 mynet web":  tooOldHere,
	"stop web/../x":                                    "docker cleans the path, and stops x",
	"run --detach --name=web busybox cmd":              waitsToo,
	"run --detach --rm missing":                        waitsToo,
	"run --attach=stdout --attach=stderr busybox cmd":  "the exit is asked for when the output has ended",
	"run --attach=stdout --restart=always busybox cmd": "the wait comes before the attach, and both before the start",
	"rm web/db":                                      "docker removes the container that the link leads to",
	"exec --env=UNSET web cmd":                       "the variable would be taken from the environment of the machine that asks",
	"logs --tail=-1 web":                             noNumber,
	"logs --tail=x web":                              noNumber,
	"logs --since= web":                              "nothing is not a time",
	"logs --since=1767322000.1234567891 web":         "the Engine knows nanoseconds",
	"cp --follow-link web:/etc/link -":               "where a link leads to is learned from its tar, which is small, and not by a HEAD",
	"cp - web:/srv/link < tar":                       "the Engine refuses it where it is no folder",
	"update --cpus=1.5 --cpu-quota=50000 web":        "the Engine refuses it",
	"volume create":                                  "one for each message, which has its name",
	"volume create --opt==x data":                    "an option has a name",
	"volume create --driver= data":                   standardDriver,
	"network create --driver= mynet":                 standardDriver,
	"network create --ipam-driver= mynet":            standardDriver,
	"network create --subnet=x --subnet=y mynet":     "the Engine refuses it",
	"network connect --driver-opt=a=b,c=d mynet web": "a value may have commas, as in run's Network",
}

const (
	tooOldHere     = "docker leaves out what the Engine is too old for, or lets it do so"
	waitsToo       = "docker waits for the exit of what it leaves alone, too, until it ends itself"
	noNumber       = "the Engine takes all lines for what is no number of them"
	standardDriver = "the driver that the Engine takes then is named"
)

// looks are requests that change nothing. Docker's CLI looks before it acts; we do where an answer was lost.
var looks = regexp.MustCompile(`^(GET /containers/[^/]+/json|HEAD /containers/[^/]+/archive.*|GET /networks/.*)$`)

func TestSequences(t *testing.T) {
	golden := readAnswers(t, sequencesFile)
	if cli := dockerCLI(t); cli != "" {
		asked := ask(sequenceCases, func(c string) string { return sequenceOfDocker(t, cli, c) })
		for _, c := range sequenceCases {
			if !*update && golden[c] != asked[c] {
				t.Errorf("%s\ndocker\n%s\n%s\n%s", c, asked[c], sequencesFile, golden[c])
			}
		}
		golden = asked
	}
	var text strings.Builder
	for _, c := range sequenceCases {
		docker, here := golden[c], sequenceHere(t, c)
		why, differs := sequenceDifferences[c]
		refused := docker == "refused" && strings.HasPrefix(here, "refused: ")
		text.WriteString(c + "\n" + answerLines("docker", docker))
		switch {
		case docker == "":
			t.Errorf("%s: not in %s; add it with docker's CLI and -update", c, sequencesFile)
		case differs && (refused || here == docker):
			t.Errorf("%s: no difference (%s)", c, why)
		case refused || differs:
			text.WriteString(answerLines("here", here))
		case here != docker:
			t.Errorf("%s\ndocker\n%s\nhere\n%s", c, docker, here)
		}
	}
	for c := range sequenceDifferences {
		if !slices.Contains(sequenceCases, c) {
			t.Errorf("%s: no case", c)
		}
	}
	compareAnswers(t, sequencesFile, text.String())
}

// sequenceOfDocker is what docker's CLI asks for a command line.
func sequenceOfDocker(t *testing.T, cli, c string) string {
	line := readLine(c)
	engine := newRecorder(t, line.version)
	defer engine.end()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, cli, append([]string{"-H", "unix://" + engine.socket}, line.words...)...)
	command.Dir = "/"
	command.Env = []string{"DOCKER_CONFIG=" + engine.dir, "HOME=" + engine.dir, "PATH=/bin", "TZ=UTC"}
	command.Stdin = strings.NewReader(line.input)
	if line.terminal {
		terminal, end := openTerminal(t, line.input)
		defer end()
		command.Stdin = terminal
	}
	output, err := command.CombinedOutput()
	asked := engine.asked(line.words[0])
	if asked == "" && err == nil {
		t.Errorf("%s: docker asks nothing: %s", c, output)
	}
	return cmp.Or(asked, "refused")
}

// sequenceHere is what we ask for the message that means the same.
func sequenceHere(t *testing.T, c string) string {
	line := readLine(c)
	engine := newRecorder(t, line.version)
	defer engine.end()
	client := dockerapi.New(wire.Addr{Network: "unix", Address: engine.socket})
	defer client.Close()
	host := NewHost(client, nil)
	host.Credentials = Credentials{path: engine.dir}
	printer := NewPrinter(io.Discard, "text")
	defer printer.Close(t.Context())
	command, err := understand(line.message(t))
	if err == nil {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err = host.Do(ctx, &command, &Streams{printer: printer})
	}
	asked := engine.asked(line.words[0])
	var invalid *Invalid
	if errors.As(err, &invalid) && asked == "" {
		return "refused: " + err.Error()
	}
	var engines *dockerapi.Error
	if err != nil && !errors.As(err, &engines) {
		t.Errorf("%s: %v", c, err)
	}
	return asked
}

// commandLine is a case taken apart.
type commandLine struct {
	version  string
	words    []string
	input    string
	terminal bool // the input is typed
}

func readLine(c string) commandLine {
	line := commandLine{version: oracleAPI}
	if rest, ok := strings.CutPrefix(c, "@"); ok {
		line.version, c, _ = strings.Cut(rest, " ")
	}
	c, from, _ := strings.Cut(c, " < ")
	switch from {
	case "tar":
		line.input = string(smallTar())
	case "terminal":
		line.input, line.terminal = "typed\n", true
	default:
		line.input = from
	}
	for i, part := range strings.Split(c, "'") {
		if i%2 == 1 {
			line.words = append(line.words, part)
		} else {
			line.words = append(line.words, strings.Fields(part)...)
		}
	}
	return line
}

// operands are the keys of a message that have what follows the flags, Cmd all that is left. All others have Container.
var operands = map[string]string{
	"run":                "Image Cmd",
	"create":             "Image Cmd",
	"exec":               "Container Cmd",
	"rename":             "Container NewName",
	"pull":               "Image",
	"rmi":                "Image",
	"volume create":      "Volume",
	"volume rm":          "Volume",
	"network create":     "Network",
	"network rm":         "Network",
	"network connect":    "Network Container",
	"network disconnect": "Network Container",
}

// message is the one that means the same.
func (l *commandLine) message(t *testing.T) string {
	name, words := l.words[0], l.words[1:]
	if name == "volume" || name == "network" {
		name, words = name+" "+words[0], words[1:]
	}
	n := 0
	for n < len(words) && strings.HasPrefix(words[n], "--") {
		n++
	}
	flags, words := words[:n], words[n:]
	message := map[string]any{"Dockercmd": name}
	keys := strings.Fields(cmp.Or(operands[name], "Container"))
	switch name {
	case "run":
		flags = slices.DeleteFunc(flags, func(flag string) bool { return flag == "--detach" })
	case "inspect":
		keys[0] = optionName(strings.TrimPrefix(flags[0], "--type="))
		flags = flags[1:]
	case "cp":
		keys = []string{"Container", "Path"}
		words = strings.SplitN(strings.Trim(strings.Join(words, ""), "-"), ":", 2)
		if l.input != "" {
			message["TarBase64"] = base64.StdEncoding.EncodeToString([]byte(l.input))
		}
	case "start", "exec":
		if l.input != "" {
			message["Stdin"] = l.input
		}
	}
	if len(flags) > 0 {
		verb, err := findVerb(Message{Dockercmd: name})
		if err != nil {
			t.Fatal(err)
		}
		message["Options"] = optionsOf(t, verb.name, flags)
	}
	for _, key := range keys {
		switch {
		case key == "Cmd":
			message[key] = words
		case len(words) > 0:
			message[key], words = words[0], words[1:]
		}
	}
	return asMessage(t, message)
}

const verbFlagsFile = "testdata/verb-flags.txt"

// hiddenFlags are options of flags that docker's CLI takes and does not show.
var hiddenFlags = []string{"stop Time", "restart Time", "update KernelMemory"}

// Each flag of docker's commands is an option or excluded, and no option is something else. Those of docker run are in run-flags.txt.
func TestEveryFlagOfVerbsIsAnOption(t *testing.T) {
	if cli := dockerCLI(t); cli != "" {
		compareAnswers(t, verbFlagsFile, helpOfVerbs(t, cli))
	}
	data, err := os.ReadFile(verbFlagsFile)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for line := range strings.Lines(string(data)) {
		word, flag, _ := strings.Cut(strings.TrimSpace(line), " --")
		verb, err := findVerb(Message{Dockercmd: word})
		if err != nil {
			t.Fatal(err)
		}
		c, name := Command{Verb: verb.name}, optionName(flag)
		known[verb.name+" "+name] = true
		if option, out := find(options[:], verb.name, name) != nil, c.exclusion(name) != ""; option == out {
			t.Errorf("docker %s --%s: an option: %v, excluded: %v", word, flag, option, out)
		}
	}
	for _, o := range options {
		for of := range strings.SplitSeq(o.verbs, ", ") {
			if key := of + " " + o.name; of != "run" && !known[key] && !slices.Contains(hiddenFlags, key) {
				t.Errorf("%s: docker has no such flag", key)
			}
		}
	}
}

// helpOfVerbs are the flags of all commands but run, as docker's CLI shows them to whom no Engine is there for.
func helpOfVerbs(t *testing.T, cli string) string {
	dir := t.TempDir()
	var flags strings.Builder
	for _, verb := range verbs[1:] {
		words := map[string]string{"remove": "rm"}[verb.name]
		words = cmp.Or(words, verb.name)
		command := exec.CommandContext(t.Context(), cli, append([]string{"-H", "unix://" + dir + "/none"}, append(strings.Fields(words), "--help")...)...)
		command.Env = []string{"DOCKER_CONFIG=" + dir}
		help, err := command.Output()
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range flagLine.FindAllStringSubmatch(string(help), -1) {
			fmt.Fprintf(&flags, "%s --%s\n", words, match[1])
		}
	}
	return flags.String()
}

// openTerminal opens a terminal on which text has been typed.
func openTerminal(t *testing.T, text string) (terminal *os.File, end func()) {
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	var number, locked uint32
	for request, argument := range map[uintptr]*uint32{syscall.TIOCSPTLCK: &locked, syscall.TIOCGPTN: &number} {
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, keyboard.Fd(), request, uintptr(unsafe.Pointer(argument))); errno != 0 {
			t.Fatal(errno)
		}
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keyboard.WriteString(text); err != nil {
		t.Fatal(err)
	}
	return terminal, func() {
		terminal.Close()
		keyboard.Close()
	}
}
