package cmds

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// The oracle is docker's own CLI. What it asks of an Engine for the same options is kept in testdata/oracle.txt, which is compared
// with what is asked here, and with the CLI where there is one of that version:
//
//	go test ./cmds -run Oracle -update    # writes the file anew, by $DOCKER_CLI or docker
var update = flag.Bool("update", false, "write testdata anew, by docker's CLI")

const oracleVersion = "Docker version 28."

// oracleAPI is the API version of the Engine that the CLI sees, unless a case says another.
const oracleAPI = "1.50"

// The documented differences. Docker's CLI accepts these, and the Engine always refuses them, or the CLI reads the files, the folder
// or the environment of the machine that it runs on, or it drops what it does not understand; here they are refused at once.
var refusedHere = []string{
	"--ip=172.20.0.9",
	"--ip6=2001:db8::9",
	"--network=name=bridge,ip=172.20.0.9",
	"--memory-swap=1g",
	"--memory=1g --memory-swap=512m",
	"--memory=1g --memory-reservation=2g",
	"--cpus=1 --cpu-quota=50000",
	"--cpus=3/2",
	"--cpus=1e-1",
	"--cpus=-1",
	"--restart=sometimes",
	"--restart=always:3",
	"--restart=on-failure:-1",
	"--tmpfs=tmp",
	"--env=UNSET_VARIABLE",
	"--env=PATH",
	"--env=DOCKER_DISPATCH_ATTEMPT=9",
	"--label=docker-dispatch.queue=mine",
	"--volume=./data:/data",
	"--mount=type=bind,source=./data,target=/data",
	"--publish=published=8080,target=80,mode=host",
	"--kernel-memory=64m",
	"--log-opt==x",
	"--storage-opt==x",
	"--annotation==x",
	"--memory=1_000",
}

// sentOtherwise are the differences between what is sent. A protocol is sent in small letters, as the CLI does for --publish alone. A
// platform is sent as it is given, which the CLI completes, and the Engine too. Standard input that is attached is open, for which the
// CLI needs --interactive too.
var sentOtherwise = []string{
	"--expose=80/udp --expose=90-92/TCP",
	"--platform=linux/aarch64",
	"--attach=stdin",
}

// oracleCases are flags as a command line has them, "@1.41" before them the API version.
var oracleCases = []string{
	"--add-host=db:10.0.0.7", "--add-host=db=10.0.0.7 --add-host=six:::1 --add-host=[six]:[::1]", "--add-host=db:[2001:db8::1]", "--add-host=host.docker.internal:host-gateway", "--add-host=db", "--add-host=db:nowhere", "--add-host=:1.2.3.4",
	"--annotation=a=b --annotation=c", "--annotation==x", "@1.41 --annotation=a=b",
	"--attach=stdout", "--attach=STDOUT --attach=stderr", "--attach=stdlog", "--attach=stdin", "--attach=stdin --interactive",
	"--blkio-weight=300", "--blkio-weight=5", "--blkio-weight=-1", "--blkio-weight=70000", "--blkio-weight=many",
	"--blkio-weight-device=/dev/sda:200", "--blkio-weight-device=/dev/sda:0", "--blkio-weight-device=/dev/sda:5", "--blkio-weight-device=sda:100", "--blkio-weight-device=/dev/sda",
	"--cap-add=net_admin --cap-add=CAP_SYS_TIME --cap-add=NET_ADMIN", "--cap-add=all", "--cap-drop=chown --cap-drop=ALL",
	"--cgroup-parent=/jobs", "--cgroupns=host", "--cgroupns=private", "--cgroupns=", "--cgroupns=mine",
	"--cpu-period=50000", "--cpu-quota=25000", "--cpu-quota=1.5", "--cpu-rt-period=1000000 --cpu-rt-runtime=950000", "--cpu-shares=512", "--cpu-shares=-1", "--cpu-shares=x",
	"--cpus=1.5", "--cpus=.5", "--cpus=2", "--cpus=0.000000001", "--cpus=1.50", "--cpus=0", "--cpus=1.0000000001", "--cpus=all", "--cpus=", "--cpus=.", "--cpus=1.5.5", "--cpus=3/2", "--cpus=1e-1", "--cpus=-1", "--cpus=1 --cpu-quota=50000",
	"--cpuset-cpus=0-1", "--cpuset-mems=0,1", "--cpuset-cpus=",
	"--device=/dev/fuse", "--device=/dev/sda:/dev/xvda", "--device=/dev/sda:r", "--device=/dev/sda:/dev/xvda:rw", "--device=/dev/sda:rwmr", "--device=/dev/sda:/dev/xvda:x", "--device=dev", "--device=/dev//fuse", "--device=/dev/sda://x", "--device=/dev//sda:r", "--device=/dev//sda:/x/../y:rw", "--device=/dev/a:/dev/b:r:w", "--device=:/dev/b", "--device=/dev/../dev/fuse",
	"--device=nvidia.com/gpu=0 --device=nvidia.com/gpu=all --device=/dev/fuse", "--device=vendor/class=", "--device=9vendor.com/gpu=0", "--device=nvidia.com/gpu=0 --gpus=all",
	"--device-cgroup-rule=c 1:3 mr", "--device-cgroup-rule=a *:* rwm", "--device-cgroup-rule=c 1:3 x", "--device-cgroup-rule=d 1:3 r", "--device-cgroup-rule=c 1 r", "--device-cgroup-rule=c 1:3 rwmr",
	"--device-read-bps=/dev/sda:1mb", "--device-write-bps=/dev/sda:1.5g", "--device-read-bps=/dev/sda:fast", "--device-read-bps=sda:1m", "--device-write-bps=/dev/sda:-1",
	"--device-read-iops=/dev/sda:100", "--device-write-iops=/dev/sda:200", "--device-write-iops=/dev/sda:1k", "--device-read-iops=/dev/sda:-1",
	"--dns=8.8.8.8 --dns=2001:DB8:0::1", "--dns=::ffff:1.2.3.4", "--dns=dns.example", "--dns=1.2.3",
	"--dns-option=ndots:2 --dns-option=timeout:1", "--dns-search=example.org --dns-search=.", "--dns-search=example.org.", "--dns-search=-bad-", "--dns-search=1.2.3", "--dns-search=a..b", "--dns-search=a b",
	"--domainname=example.org", "--hostname=web.example.org",
	"--entrypoint=/bin/sh -c", "--entrypoint=",
	"--env=A=1 --env=B=x=y --env=A=2 --env=EMPTY=", "--env==x", "--env=UNSET_VARIABLE", "--env=PATH", "--env=DOCKER_DISPATCH_ATTEMPT=9",
	"--expose=80", "--expose=80/udp --expose=90-92/TCP", "--expose=9000-9002", "--expose=0", "--expose=80:80", "--expose=92-90", "--expose=70000", "--expose=x",
	"--gpus=Count=1", "--gpus=deVice=0", "--gpus=all", "--gpus=2", "--gpus=\"device=0,2\"", "--gpus=driver=nvidia,count=1", "--gpus=driver=nvidia,\"capabilities=compute,utility\"", "--gpus=\"options=a=b,c=d\"", "--gpus=count=all --gpus=device=GPU-1", "--gpus=some", "--gpus=speed=2", "--gpus=count=1,count=2", "--gpus=",
	"--group-add=video --group-add=44",
	"--health-cmd=curl -f http://localhost/", "--health-cmd=true --health-interval=30s --health-timeout=1m30s --health-retries=3 --health-start-period=500ms --health-start-interval=1s", "--health-interval=0s", "--health-retries=0", "--health-cmd=",
	"--health-interval=5", "--health-interval=-1s", "--health-timeout=soon", "--health-retries=-1", "--health-retries=x", "--no-healthcheck", "--no-healthcheck --health-retries=3", "--no-healthcheck --health-cmd=true", "--no-healthcheck --health-retries=0", "--no-healthcheck=false", "@1.41 --health-start-interval=1s",
	"--init", "--init=false", "--interactive", "--interactive --attach=stdout", "--interactive=false", "--tty", "--tty --interactive", "--tty --attach=stdout",
	"--ip=172.20.0.9", "--ip6=2001:db8::9", "--network=mynet --ip=172.20.0.9 --ip6=2001:db8::9", "--network=mynet --link-local-ip=169.254.1.1 --link-local-ip=fe80::1",
	"--ipc=host", "--ipc=container:db", "--isolation=default", "--isolation=",
	"@1.41 --kernel-memory=64m", "--kernel-memory=64m", "@1.41 --kernel-memory=x",
	"--label=a=b=c --label=d --label=a=e", "--label= a=b", "--label==x", "--label=a b=c", "--label=docker-dispatch.queue=mine",
	"--link=db --link=db:database", "--link=", "--link=a:b:c", "--network=mynet --link=db:database", "--network=bridge --link=db",
	"--log-driver=syslog --log-opt=tag=x --log-opt=bare", "--log-driver=none", "--log-driver=none --log-opt=a=b", "--log-opt==x",
	"--mac-address=92d0c60a2933", "--mac-address=92:d0:c6:0a:29:33", "--network=mynet --mac-address=92:d0:c6:0a:29:33", "--mac-address=92:d0", "@1.41 --mac-address=92:d0:c6:0a:29:33",
	"--memory=512m", "--memory=2g", "--memory=1.5G", "--memory=2 GiB", "--memory=100", "--memory=10b", "--memory=7kb", "--memory=1t", "--memory=.5p", "--memory=1e3", "--memory=0",
	"--memory=5x", "--memory=", "--memory=-5m", "--memory=m", "--memory=1mm", "--memory=1mib2", "--memory=1i", "--memory=0x10", "--memory=1_000", "--memory=1  g", "--memory=1bb", "--memory=infinity",
	"--memory-reservation=256m", "--memory=1g --memory-swap=2g", "--memory=1g --memory-swap=-1", "--memory-swap=-1", "--memory-swap=-2", "--memory-swap=1g", "--memory=1g --memory-swap=512m", "--memory=1g --memory-reservation=2g",
	"--memory-swappiness=0", "--memory-swappiness=60", "--memory-swappiness=-1", "--memory-swappiness=101", "--memory-swappiness=-2",
	"--mount=type=bind,source=/srv,target=/data,readonly", "--mount=target=/data", "--mount=type=volume,src=data,dst=/data,volume-nocopy,volume-label=a=b,volume-label=c,volume-driver=local,volume-opt=o=size,volume-opt=type=tmpfs,volume-subpath=sub", "--mount=TYPE=TMPFS,Destination=/t,tmpfs-size=64m,tmpfs-mode=1770",
	"--mount=type=bind,src=/srv,dst=/data,bind-propagation=rslave,consistency=CACHED", "--mount=type=bind,src=/a,dst=/b,bind-nonrecursive", "--mount=type=bind,src=/a,dst=/b,bind-nonrecursive=false", "--mount=type=bind,src=/a,dst=/b,bind-recursive=disabled", "--mount=type=bind,src=/a,dst=/b,bind-recursive=enabled", "--mount=type=bind,src=/a,dst=/b,ro,bind-recursive=writable", "--mount=type=bind,src=/a,dst=/b,ro=1,bind-propagation=rprivate,bind-recursive=readonly",
	"--mount=type=image,src=busybox,dst=/i,image-subpath=bin", "--mount=type=bind,\"src=/a,b\",\"dst=/say\"\"so\"", "--mount=type=tmpfs,dst=/a --mount=type=tmpfs,dst=/b", "--mount=type=volume,dst=/a,readonly=false",
	"--mount=type=bind,src=/a", "--mount=type=bind,src=/a,dst=/b,volume-nocopy", "--mount=type=tmpfs,dst=/t,bind-propagation=rslave", "--mount=dst=/t,tmpfs-size=1m", "--mount=dst=/t,image-subpath=x", "--mount=type=tmpfs,dst=/t,tmpfs-size=big", "--mount=type=tmpfs,dst=/t,tmpfs-mode=9", "--mount=type=bind,src=/a,dst=/b,ro=perhaps", "--mount=type=bind,src=/a,dst=/b,bind-recursive=no", "--mount=type=bind,src=/a,dst=/b,bind-recursive=writable", "--mount=type=bind,src=/a,dst=/b,ro,bind-recursive=readonly", "--mount=type=bind,src=/a,dst=/b,colour=red", "--mount=type=bind,src=/a,dst", "--mount=type=,dst=/b", "--mount=", "--mount=\"dst=/a", "--mount=dst=/a\"b", "--mount=\"dst=/a\"b", "--mount=type=bind,source=./data,target=/data",
	"@1.41 --mount=type=bind,src=/a,dst=/b,ro,bind-propagation=rprivate,bind-recursive=readonly",
	"--name=web-1 --rm",
	"--network=mynet", "--network=none", "--network=host", "--network=bridge", "--network=container:db", "--network=my.net", "--network=name=mynet", "--network=name=a,name= b ,alias= c ,ip6= 2001:db8::9 ,driver-opt= d = e ,gw-priority= 3 ,mac-address= 92:d0:c6:0a:29:33 ", "--network=name=MyNet,alias=DB,alias=web,ip=172.20.0.9,ip6=2001:db8::9,link-local-ip=169.254.1.1,driver-opt=a=b,driver-opt=c.d=e,gw-priority=-3,mac-address=92:d0:c6:0a:29:33",
	"--network=a --network=b", "--network=name=a,alias=x --network=b --network-alias=y", "--network=a --network=b --network-alias=x", "--network=name=a,gw-priority=1 --network=name=b,ip=10.0.0.9",
	"--network=", "--network= ", "--network=a --network=a", "--network=a --network=host", "--network=name=host,alias=x", "--network=name=a,colour=red", "--network=alias=x", "--network=name=a,gw-priority=high", "--network=name=a,driver-opt=x", "--network=name=a,mac-address=92", "--network=name=a,ip=10.0.0.9 --ip=10.0.0.8", "--network=name=bridge,ip=172.20.0.9",
	"--network=mynet --network-alias=db --network-alias=web", "--network-alias=db", "--network=host --network-alias=db",
	"--oom-kill-disable", "--oom-score-adj=500", "--oom-score-adj=-5", "--oom-score-adj=x",
	"--pid=host", "--pid=container:db", "--pid=", "--pid=container:", "--pid=mine", "--pids-limit=100", "--pids-limit=-1", "--pids-limit=0", "--pids-limit=x",
	"--platform=linux/amd64", "--platform=linux/arm64", "--platform=linux/aarch64", "--platform=linux/a/b/c", "--platform=linux/", "--platform=",
	"--privileged", "--privileged=false", "--publish-all", "--read-only", "--runtime=runc",
	"--publish=80", "--publish=8080:80", "--publish=8080:80/UDP --publish=8081:80/udp", "--publish=127.0.0.1:8080:80/tcp", "--publish=127.0.0.1::80", "--publish=[::1]:8080:80", "--publish=::1:8080:80", "--publish=8000-8002:9000-9002", "--publish=8000-8002:80", "--publish=9000-9002", "--publish=0:80", "--publish=:80", "--publish=80/sctp", "--publish=80/", "--publish=published=8080,target=80", "--publish=published=8080,target=80,protocol=udp", "--publish=target=80", "--expose=80 --publish=8080:80",
	"--publish=8000-8001:9000-9002", "--publish=8000-8010:9000-9002", "--publish=x:80", "--publish=80/icmp", "--publish=1.2.3:80:80", "--publish=8080:", "--publish=", "--publish=65536", "--publish=9-8", "--publish=8080/tcp:80", "--publish=published=8080,mode", "--publish=published=8080,target=80,mode=host",
	"--pull=always", "--pull=missing", "--pull=never", "--pull=sometimes",
	"--restart=no", "--restart=always", "--restart=on-failure:3", "--restart=on-failure", "--restart=unless-stopped", "--restart=", "--restart=sometimes", "--restart=always:3", "--restart=on-failure:-1", "--restart=on-failure:x", "--restart=:3", "--restart=always --rm", "--restart=no --rm",
	"--security-opt=no-new-privileges", "--security-opt=no-new-privileges=false", "--security-opt=no-new-privileges:true", "--security-opt=apparmor=unconfined --security-opt=label:disable", "--security-opt=seccomp=unconfined", "--security-opt=seccomp:unconfined", "--security-opt=seccomp=builtin", "--security-opt=systempaths=unconfined --security-opt=seccomp=unconfined", "--security-opt=apparmor", "--security-opt=apparmor=", "--security-opt=seccomp=/nowhere/profile.json",
	"--shm-size=128m", "--shm-size=0", "--shm-size=8e", "--stop-signal=SIGUSR1", "--stop-timeout=30", "--stop-timeout=0", "--stop-timeout=-1", "--stop-timeout=x",
	"--storage-opt=size=10g", "--storage-opt=size", "--storage-opt==x",
	"--sysctl=net.ipv4.ip_forward=1 --sysctl=kernel.msgmax=1 --sysctl=fs.mqueue.msg_max=9", "--sysctl=kernel.panic=1", "--sysctl=net.ipv4.ip_forward", "--sysctl=kernel.sem", "--sysctl==1", "--sysctl=kernel.semx=1",
	"--tmpfs=/tmp", "--tmpfs=/tmp:rw,size=64m --tmpfs=/run:noexec", "--tmpfs=/tmp:a:b", "--tmpfs=tmp",
	"--ulimit=nofile=1024:2048 --ulimit=core=0", "--ulimit=nofile=1024", "--ulimit=memlock=-1", "--ulimit=memlock=-1:-1", "--ulimit=nofile=5 --ulimit=nofile=7", "--ulimit=nofile=9:5", "--ulimit=nofile=-1:5", "--ulimit=as=5", "--ulimit=nofile", "--ulimit=nofile=x", "--ulimit=nofile=1:2:3", "--ulimit=nofile=",
	"--user=1000:1000", "--user=1000", "--userns=host", "--userns=mine", "--uts=host", "--uts=mine", "--workdir=/srv", "--workdir=rel",
	"--volume=/srv:/data", "--volume=/srv:/data:ro,z", "--volume=data:/data --volume=/srv:/data2 --volume=data:/data", "--volume=/anonymous", "--volume=c:/b", "--volume=c:/b:/d:ro", "--volume=ab", "--volume=/a:/b:odd", "--volume=~/x:/x", "--volume=/a:b:c", "--volume=rel/x:/x",
	"--volume=", "--volume=/a::/b", "--volume=:/b", "--volume=/a:", "--volume=/a:/b:/c:/d", "--volume=./data:/data", "--volume-driver=local", "--volumes-from=db --volumes-from=web:ro",
	// together
	"--name=all --memory=512m --cpus=.5 --publish=8080:80 --volume=data:/data --env=A=1 --label=a=b --network=mynet --network-alias=web --restart=on-failure:2 --read-only --tmpfs=/tmp --user=1000 --workdir=/srv --health-cmd=true --cap-drop=all --security-opt=no-new-privileges --init --hostname=web",
}

func TestOracle(t *testing.T) {
	golden := readAnswers(t, oracleFile)
	if cli := dockerCLI(t); cli != "" {
		asked := ask(oracleCases, func(c string) string { return answerDocker(t, cli, c) })
		for _, c := range oracleCases {
			if !*update && golden[c] != asked[c] {
				t.Errorf("%s\ndocker    %s\noracle.txt %s", c, asked[c], golden[c])
			}
		}
		golden = asked
	}
	var text strings.Builder
	for _, c := range oracleCases {
		docker, here := golden[c], answerHere(t, c)
		refused := strings.HasPrefix(here, "refused: ")
		text.WriteString(c + "\n" + answerLines("docker", docker))
		switch {
		case docker == "refused" && (slices.Contains(refusedHere, c) || slices.Contains(sentOtherwise, c)), docker == here && slices.Contains(sentOtherwise, c):
			t.Errorf("%s: no difference", c)
		case docker == "":
			t.Errorf("%s: not in testdata/oracle.txt; add it with docker's CLI and -update", c)
		case refused && (docker == "refused" || slices.Contains(refusedHere, c)), !refused && slices.Contains(sentOtherwise, c):
			text.WriteString(answerLines("here", here))
		case here != docker:
			t.Errorf("%s\ndocker %s\nhere   %s", c, docker, here)
		}
	}
	compareAnswers(t, oracleFile, text.String())
}

const oracleFile = "testdata/oracle.txt"

// readAnswers is what docker's CLI has answered, by case; nothing where it is to be asked anew.
func readAnswers(t *testing.T, file string) map[string]string {
	answers := map[string]string{}
	if *update {
		return answers
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	flags := ""
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSuffix(line, "\n")
		answer, isDocker := strings.CutPrefix(line, "\tdocker: ")
		switch {
		case isDocker && answers[flags] != "":
			answers[flags] += "\n" + answer
		case isDocker:
			answers[flags] = answer
		case line[0] != '\t':
			flags = line
		}
	}
	return answers
}

// answerLines are an answer as a file has it.
func answerLines(whose, answer string) string {
	var lines strings.Builder
	for line := range strings.SplitSeq(answer, "\n") {
		fmt.Fprintf(&lines, "\t%-7s %s\n", whose+":", line)
	}
	return lines.String()
}

// compareAnswers compares a file with what it should have, or writes it anew.
func compareAnswers(t *testing.T, file, want string) {
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o666); err != nil {
			t.Fatal(err)
		}
	} else if data, _ := os.ReadFile(file); string(data) != want {
		t.Errorf("%s is not what is asked now; look at the difference after -update", file)
	}
}

// dockerCLI is the program, "" where there is none of the version of testdata.
func dockerCLI(t *testing.T) string {
	program := cmp.Or(os.Getenv("DOCKER_CLI"), "docker")
	version, err := exec.Command(program, "--version").Output()
	if err != nil || !strings.HasPrefix(string(version), oracleVersion) {
		t.Logf("no %s here (%q, %v): testdata alone decides", oracleVersion, version, err)
		if *update {
			t.FailNow()
		}
		return ""
	}
	return program
}

// splitCase takes a case apart into the API version and the flags.
func splitCase(c string) (version string, flags []string) {
	version = oracleAPI
	if rest, ok := strings.CutPrefix(c, "@"); ok {
		version, c, _ = strings.Cut(rest, " ")
	}
	for _, flag := range strings.Split(c, " --") {
		flags = append(flags, "--"+strings.TrimPrefix(flag, "--"))
	}
	return version, flags
}

// ask has all cases answered, some at a time.
func ask(cases []string, answer func(c string) string) map[string]string {
	answers := make([]string, len(cases))
	var asking sync.WaitGroup
	slots := make(chan struct{}, 4)
	for i, c := range cases {
		slots <- struct{}{}
		asking.Go(func() {
			defer func() { <-slots }()
			answers[i] = answer(c)
		})
	}
	asking.Wait()
	all := map[string]string{}
	for i, c := range cases {
		all[c] = answers[i]
	}
	return all
}

// answerDocker is what the CLI sends to create the container of a case. Attached ones it creates only, all others it runs.
func answerDocker(t *testing.T, cli, c string) string {
	version, flags := splitCase(c)
	engine := newOracleEngine(t, version)
	defer engine.Close()
	args := append([]string{"-H", "unix://" + engine.socket, "run", "--detach"}, flags...)
	if strings.Contains(c, "--attach") {
		args = append([]string{"-H", "unix://" + engine.socket, "create"}, flags...)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, cli, append(args, "image", "command")...)
	command.Dir = "/" // that relative paths are made absolute by
	command.Env = []string{"DOCKER_CONFIG=" + engine.dir, "HOME=" + engine.dir, "PATH=/bin"}
	output, err := command.CombinedOutput()
	switch {
	case err != nil && strings.HasPrefix(string(output), "panic: "):
		return crashed
	case err != nil && engine.created == "":
		return "refused"
	}
	if err != nil {
		t.Errorf("%s: docker: %v: %s", c, err, output)
	}
	return engine.created
}

// crashed is an answer of the CLI that says nothing: that of 28.2 for a class of one letter of a device, --device=vendor/c=name.
const crashed = "crashed"

// oracleEngine notes what it is asked to create, and says yes to all.
type oracleEngine struct {
	*http.Server
	dir, socket string
	pulled      string
	created     string
}

func newOracleEngine(t *testing.T, version string) *oracleEngine {
	dir, err := os.MkdirTemp("", "oracle")
	if err != nil {
		t.Error(err)
	}
	e := &oracleEngine{dir: dir, socket: filepath.Join(dir, "s")}
	t.Cleanup(func() { os.RemoveAll(dir) })
	listener, err := net.Listen("unix", e.socket)
	if err != nil {
		t.Error(err)
	}
	e.Server = &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Api-Version", version)
		w.Header().Set("Ostype", "linux")
		w.Header().Set("Content-Type", "application/json")
		body, _ := io.ReadAll(r.Body)
		switch {
		case strings.HasSuffix(r.URL.Path, "/images/create"):
			e.pulled = "pulled, "
		case strings.HasSuffix(r.URL.Path, "/containers/create"):
			e.created = e.pulled + asked(t, r.URL.Query(), body)
			w.WriteHeader(http.StatusCreated)
			fmt.Fprintf(w, `{"Id":"%064d"}`, 1)
		case strings.HasSuffix(r.URL.Path, "/wait"):
			fmt.Fprint(w, `{"StatusCode":0}`)
		case strings.HasSuffix(r.URL.Path, "/start"):
			w.WriteHeader(http.StatusNoContent)
		}
	})}
	go e.Serve(listener)
	return e
}

// answerHere is what a run with these options would send.
func answerHere(t *testing.T, flags string) string {
	version, all := splitCase(flags)
	body := messageOf(t, all)
	c, err := understand(body)
	if err == nil {
		var minor int
		fmt.Sscanf(version, "1.%d", &minor)
		err = c.fits(minor)
	}
	if err != nil {
		return "refused: " + err.Error()
	}
	query := url.Values{"name": {c.Container}, "platform": c.Query["platform"]}
	sent, err := json.Marshal(c.Body)
	if err != nil {
		t.Fatal(err)
	}
	pulled := map[string]string{"always": "pulled, "}[c.Pull]
	return pulled + asked(t, query, sent)
}

// messageOf writes flags of docker run as a message.
func messageOf(t testing.TB, flags []string) string {
	return asMessage(t, map[string]any{"Dockercmd": "run", "Image": "image", "Cmd": []string{"command"}, "Options": optionsOf(t, "run", flags)})
}

func asMessage(t testing.TB, message map[string]any) string {
	body, err := json.Marshal(message)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// optionsOf writes flags as options: the name is the flag's, with a capital for each word.
func optionsOf(t testing.TB, verb string, flags []string) map[string]any {
	given := map[string]any{}
	for _, flag := range flags {
		name, value, hasValue := strings.Cut(strings.TrimPrefix(flag, "--"), "=")
		row := rowOf(t, verb, optionName(name))
		switch k := row.kind; {
		case k == &kindFlag:
			given[row.name] = !hasValue || value == "true"
		case k == &kindStreams, k.read == nil && k.shape >= words:
			list, _ := given[row.name].([]any)
			given[row.name] = append(list, value)
		case slices.Contains([]*kind{&kindWhole, &kindCount, &kindWeight, &kindSwappiness, &kindSeconds}, k) && json.Valid([]byte(value)):
			given[row.name] = json.RawMessage(value)
		default:
			given[row.name] = value
		}
	}
	return given
}

// optionName is CapAdd for cap-add. What docker calls --rm was Remove from the beginning.
func optionName(flag string) string {
	if flag == "rm" {
		return "Remove"
	}
	var name strings.Builder
	for word := range strings.SplitSeq(flag, "-") {
		name.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return name.String()
}

func rowOf(t testing.TB, verb, name string) *option {
	v, err := findVerb(Message{Dockercmd: verb})
	if err != nil {
		t.Fatal(err)
	}
	for i := range options {
		if options[i].name == name && options[i].of(v.name) {
			return &options[i]
		}
	}
	t.Fatalf("there is no option %s of %s", name, verb)
	return nil
}

// asked is a request to create a container, without what says nothing, and without what is the dispatcher's own.
func asked(t *testing.T, query url.Values, body []byte) string {
	var sent map[string]any
	if err := json.Unmarshal(body, &sent); err != nil {
		t.Errorf("%v in %s", err, body)
	}
	env, _ := sent["Env"].([]any)
	env = slices.DeleteFunc(env, func(v any) bool { return strings.HasPrefix(v.(string), envAttempt+"=") })
	sent["Env"] = lastOfEach(env)
	if labels, ok := sent["Labels"].(map[string]any); ok {
		for name := range labels {
			if strings.HasPrefix(name, labelPrefix) {
				delete(labels, name)
			}
		}
	}
	host, _ := sent["HostConfig"].(map[string]any)
	if binds, ok := host["Binds"].([]any); ok { // docker's are in no order
		slices.SortFunc(binds, func(a, b any) int { return cmp.Compare(a.(string), b.(string)) })
	}
	delete(host, "ConsoleSize")
	for key, standard := range map[string]any{"NetworkMode": "default", "MemorySwappiness": float64(-1), "RestartPolicy": map[string]any{"Name": "no", "MaximumRetryCount": float64(0)}} {
		if reflect.DeepEqual(host[key], standard) {
			delete(host, key)
		}
	}
	for key, values := range query {
		if slices.Contains([]string{"", "missing"}, strings.Join(values, "")) {
			delete(query, key)
		}
	}
	text, err := json.Marshal(telling("", sent))
	if err != nil {
		t.Error(err)
	}
	return strings.TrimPrefix(query.Encode()+" "+string(text), " ")
}

// lastOfEach are the variables as a container gets them, by name.
func lastOfEach(env []any) (kept []any) {
	seen := map[string]bool{}
	for _, v := range slices.Backward(env) {
		name, _, _ := strings.Cut(v.(string), "=")
		if !seen[name] {
			kept = append(kept, v)
		}
		seen[name] = true
	}
	slices.SortFunc(kept, func(a, b any) int { return cmp.Compare(a.(string), b.(string)) })
	return kept
}

// meant are keys that mean something where they are zero.
var meant = []string{"Init", "StopTimeout", "MemorySwappiness", "MaskedPaths", "ReadonlyPaths", "EnableIPv4", "EnableIPv6"}

// telling takes out of an object what a Go program sends of fields that are not set.
func telling(key string, value any) any {
	object, ok := value.(map[string]any)
	if !ok {
		return value
	}
	for k, v := range object {
		v = telling(k, v)
		r := reflect.ValueOf(v)
		empty := !r.IsValid() || r.IsZero() || (r.Kind() == reflect.Map || r.Kind() == reflect.Slice) && r.Len() == 0
		named := slices.Contains([]string{"ExposedPorts", "Volumes", "EndpointsConfig"}, key) && k != "default" || slices.Contains(nameMaps, key)
		if empty && !named && !(slices.Contains(meant, k) && r.IsValid()) {
			delete(object, k)
		}
	}
	for k, v := range object {
		if list, ok := v.([]any); ok {
			for i := range list {
				list[i] = telling(k, list[i])
			}
		}
	}
	return object
}

// nameMaps have strangers' keys, and values that may be empty.
var nameMaps = []string{"Labels", "Annotations", "Tmpfs", "Config", "Sysctls", "StorageOpt", "DriverOpts", "Options"}

// ownOptions are those that docker has not.
var ownOptions = []string{"Timeout", "Claim", "Retries", "RetryOn", "ExitCodes"}

var flagLine = regexp.MustCompile(`(?m)^ +(?:-[a-zA-Z], )?--([a-z0-9-]+)`)

// Each flag of docker run and docker create is an option or excluded, and nothing else is.
func TestEveryFlagIsAnOption(t *testing.T) {
	data, err := os.ReadFile("testdata/run-flags.txt")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for flag := range strings.Lines(string(data)) {
		name := optionName(strings.TrimSpace(flag))
		known[name] = true
		option := slices.ContainsFunc(options[:], func(o option) bool { return o.name == name && o.of("run") })
		out := slices.ContainsFunc(excluded[:], func(e exclusion) bool { return e.name == name && among(e.verbs, "run") })
		if option == out {
			t.Errorf("--%s: an option: %v, excluded: %v", strings.TrimSpace(flag), option, out)
		}
	}
	hidden := []string{"Net", "NetAlias", "DnsOpt", "CpuCount", "CpuPercent", "IoMaxbandwidth", "IoMaxiops", "Rm"}
	for _, o := range options {
		if o.of("run") && !known[o.name] && !slices.Contains(ownOptions, o.name) {
			t.Errorf("%s: docker has no such flag", o.name)
		}
	}
	for _, e := range excluded {
		if among(e.verbs, "run") && !known[e.name] && !slices.Contains(hidden, e.name) {
			t.Errorf("%s is excluded, and docker has no such flag", e.name)
		}
	}
	checkHelp(t, known)
}

// checkHelp compares the list of flags with docker's own, where there is one.
func checkHelp(t *testing.T, known map[string]bool) {
	cli := dockerCLI(t)
	if cli == "" {
		return
	}
	engine := newOracleEngine(t, oracleAPI)
	defer engine.Close()
	for _, verb := range []string{"run", "create"} {
		command := exec.Command(cli, "-H", "unix://"+engine.socket, verb, "--help")
		command.Env = []string{"DOCKER_CONFIG=" + engine.dir}
		help, err := command.Output()
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range flagLine.FindAllStringSubmatch(string(help), -1) {
			if !known[optionName(match[1])] {
				t.Errorf("docker %s has --%s, which testdata/run-flags.txt has not", verb, match[1])
			}
		}
		if verb == "run" && len(flagLine.FindAll(bytes.ToLower(help), -1)) != len(known) {
			t.Errorf("docker run has %d flags, testdata/run-flags.txt %d", len(flagLine.FindAll(help, -1)), len(known))
		}
	}
}
