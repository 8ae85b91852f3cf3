package cmds

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"docker-dispatch/wire"
)

// policyOf is a policy's file with that text.
func policyOf(t testing.TB, text string) *Policy {
	t.Helper()
	p, err := parsePolicy([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return p
}

// trusting is the policy of tests that are about what is done: it lets messages do everything.
func trusting() *Policy {
	p := NewPolicy()
	for name := range p.verbs {
		p.verbs[name] = everything
	}
	for name := range p.grants {
		p.grants[name] = everything
	}
	return p
}

// judged is what a policy says of a message: "" is allowed.
func judged(t testing.TB, p *Policy, message string) (Command, string) {
	t.Helper()
	c, err := understand(message)
	if err != nil {
		t.Fatalf("%s: %v", message, err)
	}
	if err = p.Apply(&c); err == nil {
		return c, ""
	}
	if classify(err) != denied {
		t.Errorf("%s: %v is no denial", message, err)
	}
	return c, err.Error()
}

// asRun is a run with options, and each other message itself.
func asRun(text string) string {
	if strings.HasPrefix(text, `{"Dockercmd"`) {
		return text
	}
	return runWith + "{" + text + "}}"
}

// powers are messages that need a grant, or would if they said something else: what the policy of those who have none says of them, and a
// grant that is enough. Each option that is not safe is in them, in each spelling and with each kind of value.
var powers = []struct{ message, denial, grant string }{
	// what says nothing
	{`"Privileged":false,"Volume":[],"CapAdd":[],"Pid":"","Ipc":"","Uts":"","Userns":"","Cgroupns":"","Network":[],"OomScoreAdj":0,"Runtime":"","CgroupParent":"","Gpus":[],"Device":[],"SecurityOpt":[],"Sysctl":{},"OomKillDisable":false`, "", ""},

	{`"Privileged":true`, `Options.Privileged: true: the policy grants no Privileged (Grants.Privileged)`, `"Privileged":true`},
	{`"CapAdd":"sys_admin"`, `Options.CapAdd: "CAP_SYS_ADMIN": the policy grants no capability CAP_SYS_ADMIN (Grants.CapAdd)`, `"CapAdd":["SYS_ADMIN"]`},
	{`"CapAdd":"all"`, `Options.CapAdd: "ALL": the policy grants no capability ALL (Grants.CapAdd)`, `"CapAdd":["all"]`},
	{`"SecurityOpt":"seccomp=unconfined"`, `Options.SecurityOpt: "seccomp=unconfined": the policy grants no SecurityOpt seccomp=unconfined (Grants.SecurityOpt)`, `"SecurityOpt":["seccomp=unconfined"]`},
	{`"SecurityOpt":"seccomp:unconfined"`, `Options.SecurityOpt: "seccomp:unconfined": the policy grants no SecurityOpt seccomp:unconfined (Grants.SecurityOpt)`, `"SecurityOpt":["seccomp=unconfined"]`},
	{`"SecurityOpt":"systempaths=unconfined"`, `Options.SecurityOpt: "systempaths=unconfined": the policy grants no SecurityOpt systempaths=unconfined (Grants.SecurityOpt)`, `"SecurityOpt":["systempaths=unconfined"]`},
	{`"SecurityOpt":"no-new-privileges=false"`, `Options.SecurityOpt: "no-new-privileges=false": the policy grants no SecurityOpt no-new-privileges=false (Grants.SecurityOpt)`, `"SecurityOpt":true`},
	{`"SecurityOpt":["no-new-privileges","no-new-privileges:true"]`, "", ""},
	{`"Sysctl":{"net.ipv4.ip_forward":"1"}`, `Options.Sysctl: "net.ipv4.ip_forward": the policy grants no Sysctl net.ipv4.ip_forward (Grants.Sysctl)`, `"Sysctl":["net.ipv4.*"]`},
	{`"Pid":"host"`, `Options.Pid: "host": the policy grants no Pid host (Grants.Pid)`, `"Pid":["host"]`},
	{`"Pid":"container:db"`, `Options.Pid: "container:db": the policy grants no Pid container:db (Grants.Pid)`, `"Pid":["container:db"]`},
	{`"Ipc":"host"`, `Options.Ipc: "host": the policy grants no Ipc host (Grants.Ipc)`, `"Ipc":["host"]`},
	{`"Ipc":"container:db"`, `Options.Ipc: "container:db": the policy grants no Ipc container:db (Grants.Ipc)`, `"Ipc":["container:*"]`},
	{`"Ipc":"private"`, "", ""},
	{`"Uts":"host"`, `Options.Uts: "host": the policy grants no Uts host (Grants.Uts)`, `"Uts":["host"]`},
	{`"Userns":"host"`, `Options.Userns: "host": the policy grants no Userns host (Grants.Userns)`, `"Userns":true`},
	{`"Cgroupns":"host"`, `Options.Cgroupns: "host": the policy grants no Cgroupns host (Grants.Cgroupns)`, `"Cgroupns":["host"]`},
	{`"Cgroupns":"private"`, "", ""},
	{`"CgroupParent":"/"`, `Options.CgroupParent: "/": the policy grants no CgroupParent / (Grants.CgroupParent)`, `"CgroupParent":["/*"]`},
	{`"Runtime":"crun"`, `Options.Runtime: "crun": the policy grants no Runtime crun (Grants.Runtime)`, `"Runtime":["crun"]`},
	{`"Isolation":"process"`, `Options.Isolation: "process": the policy grants no Isolation process (Grants.Isolation)`, `"Isolation":true`},
	{`"Annotation":{"run.oci.hooks":"x"}`, `Options.Annotation: "run.oci.hooks": the policy grants no Annotation run.oci.hooks (Grants.Annotation)`, `"Annotation":["run.oci.*"]`},
	{`"OomKillDisable":true`, `Options.OomKillDisable: true: the policy grants no OomKillDisable (Grants.OomKillDisable)`, `"OomKillDisable":true`},
	{`"OomScoreAdj":-900`, `Options.OomScoreAdj: -900: the policy grants no OomScoreAdj -900 (Grants.OomScoreAdj)`, `"OomScoreAdj":["-*"]`},
	{`"CpuRtPeriod":1000000,"CpuRtRuntime":950000`, `Options.CpuRtPeriod: 1000000: the policy grants no CpuRtPeriod 1000000 (Grants.CpuRtPeriod)`, `"CpuRtPeriod":true,"CpuRtRuntime":true`},
	{`{"Dockercmd":"update","Container":"c1","Options":{"CpuRtRuntime":950000}}`, `Options.CpuRtRuntime: 950000: the policy grants no CpuRtRuntime 950000 (Grants.CpuRtRuntime)`, `"CpuRtRuntime":true`},
	{`"StorageOpt":{"size":"10g"}`, `Options.StorageOpt: "size": the policy grants no StorageOpt size (Grants.StorageOpt)`, `"StorageOpt":["size"]`},
	{`"StopTimeout":-1`, `Options.StopTimeout: -1: the policy grants no StopTimeout -1 (Grants.StopTimeout)`, `"StopTimeout":true`},
	{`"Ulimit":"memlock=-1"`, `Options.Ulimit: {"Hard":-1,"Name":"memlock","Soft":-1}: the policy grants no Ulimit memlock (Grants.Ulimit)`, `"Ulimit":["memlock"]`},
	{`"Restart":"always"`, "", ""},
	{`{"Dockercmd":"update","Container":"c1","Options":{"Restart":"on-failure:3"}}`, "", ""},
	{`"BlkioWeightDevice":"/dev/sda:100"`, `Options.BlkioWeightDevice: {"Path":"/dev/sda","Weight":100}: the policy grants no BlkioWeightDevice /dev/sda (Grants.BlkioWeightDevice)`, `"BlkioWeightDevice":["/dev/sd?"]`},
	{`"DeviceReadBps":"/dev/sda:1m"`, `Options.DeviceReadBps: {"Path":"/dev/sda","Rate":1048576}: the policy grants no DeviceReadBps /dev/sda (Grants.DeviceReadBps)`, `"DeviceReadBps":true`},
	{`"DeviceReadIops":"/dev/sda:9"`, `Options.DeviceReadIops: {"Path":"/dev/sda","Rate":9}: the policy grants no DeviceReadIops /dev/sda (Grants.DeviceReadIops)`, `"DeviceReadIops":true`},
	{`"DeviceWriteBps":"/dev/sda:1m"`, `Options.DeviceWriteBps: {"Path":"/dev/sda","Rate":1048576}: the policy grants no DeviceWriteBps /dev/sda (Grants.DeviceWriteBps)`, `"DeviceWriteBps":true`},
	{`"DeviceWriteIops":"/dev/sda:9"`, `Options.DeviceWriteIops: {"Path":"/dev/sda","Rate":9}: the policy grants no DeviceWriteIops /dev/sda (Grants.DeviceWriteIops)`, `"DeviceWriteIops":true`},

	// devices
	{`"Device":"/dev/fuse"`, `Options.Device: {"CgroupPermissions":"rwm","PathInContainer":"/dev/fuse","PathOnHost":"/dev/fuse…: the policy grants no device /dev/fuse (Grants.Device)`, `"Device":["/dev/fuse"]`},
	{`"Device":"vendor.com/net=nic0"`, `Options.Gpus: {"DeviceIDs":["vendor.com/net=nic0"],"Driver":"cdi"}: the policy grants no device vendor.com/net=nic0 (Grants.Device)`, `"Device":["vendor.com/net=*"]`},
	{`"Gpus":"driver=cdi,device=vendor.com/net=nic0"`, `Options.Gpus: {"Capabilities":[["gpu"]],"DeviceIDs":["vendor.com/net=nic0"],"Driver":"cdi"}: the policy grants no device vendor.com/net=nic0 (Grants.Device)`, `"Device":true`},
	{`"Gpus":"all"`, `Options.Gpus: {"Capabilities":[["gpu"]],"Count":-1}: the policy grants no Gpus all (Grants.Gpus)`, `"Gpus":["all"]`},
	{`"Gpus":"device=GPU-1"`, `Options.Gpus: {"Capabilities":[["gpu"]],"DeviceIDs":["GPU-1"]}: the policy grants no Gpus GPU-1 (Grants.Gpus)`, `"Gpus":["GPU-?"]`},
	{`"DeviceCgroupRule":"a *:* rwm"`, `Options.DeviceCgroupRule: "a *:* rwm": the policy grants no DeviceCgroupRule a *:* rwm (Grants.DeviceCgroupRule)`, `"DeviceCgroupRule":true`},

	// mounts
	{`"Volume":"/:/host"`, `Options.Volume: "/:/host": the policy grants no bind mount of / (Grants.Bind)`, `"Bind":["/"]`},
	{`"Volume":"/var/run/docker.sock:/s"`, `Options.Volume: "/var/run/docker.sock:/s": the policy grants no bind mount of /var/run/docker.sock (Grants.Bind)`, `"Bind":["/var/run"]`},
	{`"Volume":"//etc/:/e:ro"`, `Options.Volume: "//etc/:/e:ro": the policy grants no bind mount of //etc/ (Grants.Bind)`, `"Bind":["/etc"]`},
	{`"Mount":"type=bind,source=/etc,target=/e,readonly"`, `Options.Mount: {"ReadOnly":true,"Source":"/etc","Target":"/e","Type":"bind"}: the policy grants no bind mount of /etc (Grants.Bind)`, `"Bind":["/etc"]`},
	{`"Mount":"TYPE=BIND,SRC=/etc,dst=/e"`, `Options.Mount: {"Source":"/etc","Target":"/e","Type":"bind"}: the policy grants no bind mount of /etc (Grants.Bind)`, `"Bind":["/e*"]`},
	{`"Mount":"dst=/e,volume-opt=type=none,volume-opt=o=bind,volume-opt=device=/etc"`, `Options.Mount: {"Target":"/e","Type":"volume","VolumeOptions":{"DriverConfig":{"Options":{"devi…: the policy grants no bind mount of /etc (Grants.Bind)`, `"Bind":["/etc"]`},
	{`"Mount":"dst=/e,\"volume-opt=o=ro,rbind\",volume-opt=device=/etc"`, `Options.Mount: {"Target":"/e","Type":"volume","VolumeOptions":{"DriverConfig":{"Options":{"devi…: the policy grants no bind mount of /etc (Grants.Bind)`, `"Bind":["/etc"]`},
	{`"Mount":"dst=/e,volume-opt=type=ext4,volume-opt=device=/dev/sda1"`, `Options.Mount: {"Target":"/e","Type":"volume","VolumeOptions":{"DriverConfig":{"Options":{"devi…: the policy grants no volume with options of its driver, device, type (Grants.VolumeOpt)`, `"VolumeOpt":true`},
	{`"Mount":"dst=/e,volume-opt=type=tmpfs,volume-opt=device=tmpfs,\"volume-opt=o=size=1m,nosuid\""`, "", ""},
	{`"Mount":"dst=/e,volume-opt=type=tmpfs,volume-opt=device=tmpfs,volume-opt=o=remount"`, `Options.Mount: {"Target":"/e","Type":"volume","VolumeOptions":{"DriverConfig":{"Options":{"devi…: the policy grants no volume with options of its driver, device, o, type (Grants.VolumeOpt)`, `"VolumeOpt":true`},
	{`"Mount":"dst=/e,volume-opt=type=tmpfs,volume-opt=device=tmpfs,volume-opt=mountpoint=/"`, `Options.Mount: {"Target":"/e","Type":"volume","VolumeOptions":{"DriverConfig":{"Options":{"devi…: the policy grants no volume with options of its driver, device, mountpoint, type (Grants.VolumeOpt)`, `"VolumeOpt":true`},
	{`"Mount":"dst=/e,volume-opt=o=bind,volume-opt=device=/etc,volume-opt=mountpoint=/"`, `Options.Mount: {"Target":"/e","Type":"volume","VolumeOptions":{"DriverConfig":{"Options":{"devi…: the policy grants no bind mount of /etc (Grants.Bind)`, `"Bind":["/etc"],"VolumeOpt":true`},
	{`"Mount":"dst=/e,volume-driver=sshfs"`, `Options.Mount: {"Target":"/e","Type":"volume","VolumeOptions":{"DriverConfig":{"Name":"sshfs"}}…: the policy grants no volume driver sshfs (Grants.VolumeDriver)`, `"VolumeDriver":["sshfs"]`},
	{`"Mount":"type=cluster,src=x,dst=/e"`, `Options.Mount: {"Source":"x","Target":"/e","Type":"cluster"}: the policy grants no volume driver cluster (Grants.VolumeDriver)`, `"VolumeDriver":["cluster"]`},
	{`"VolumeDriver":"sshfs"`, `Options.VolumeDriver: "sshfs": the policy grants no volume driver sshfs (Grants.VolumeDriver)`, `"VolumeDriver":["ssh*"]`},
	{`"Volume":"data:/d"`, `Options.Volume: "data:/d": the policy grants no volume data (Grants.NamedVolume)`, `"NamedVolume":["data"]`},
	{`"Mount":"source=data,target=/d"`, `Options.Mount: {"Source":"data","Target":"/d","Type":"volume"}: the policy grants no volume data (Grants.NamedVolume)`, `"NamedVolume":["d*"]`},
	{`"Volume":"docker-dispatch.claim.x:/d"`, `Options.Volume: "docker-dispatch.claim.x:/d": the volumes docker-dispatch.… are the dispatcher's own`, ""},
	{`"Volume":"a:/d"`, `Options.Volume: "a:/d": the policy grants no bind mount of a:/d (Grants.Bind)`, `"Bind":true`},
	{`"Volume":"/d","Tmpfs":"/t","Mount":["target=/e","type=tmpfs,target=/f"]`, "", ""},
	{`"Tmpfs":["/t:rw,noexec,size=64m,mode=1777,uid=1","/u:exec,suid,dev"]`, "", ""},
	{`"Tmpfs":"/sys/:remount,rw"`, `Options.Tmpfs: "/sys/:remount": the policy grants no tmpfs option remount (Grants.Tmpfs)`, `"Tmpfs":["remount","rw"]`},
	{`"Tmpfs":"/t:size=1m,rbind"`, `Options.Tmpfs: "/t:rbind": the policy grants no tmpfs option rbind (Grants.Tmpfs)`, `"Tmpfs":["size","*bind"]`},
	{`"Tmpfs":"/t:rshared"`, `Options.Tmpfs: "/t:rshared": the policy grants no tmpfs option rshared (Grants.Tmpfs)`, `"Tmpfs":true`},
	{`"Tmpfs":"/t: remount"`, `Options.Tmpfs: "/t: remount": the policy grants no tmpfs option  remount (Grants.Tmpfs)`, `"Tmpfs":true`},
	{`"VolumesFrom":"db:ro"`, `Options.VolumesFrom: "db:ro": the policy grants no volumes of the container db:ro (Grants.VolumesFrom)`, `"VolumesFrom":["db"]`},
	{`"Mount":"type=image,source=evil,target=/i"`, "", ""}, // as the image of a run

	// networks
	{`"Network":"host"`, `Options.Network: "host": the policy grants no network host (Grants.Network)`, `"Network":["host"]`},
	{`"Network":"container:db"`, `Options.Network: "container:db": the policy grants no network container:db (Grants.Network)`, `"Network":["container:db"]`},
	{`"Network":"mynet"`, `Options.Network: "mynet": the policy grants no network mynet (Grants.Network)`, `"Network":["my*"]`},
	{`"Network":"name=mynet"`, `Options.Network: "mynet": the policy grants no network mynet (Grants.Network)`, `"Network":["mynet"]`},
	{`"Network":["bridge"]`, "", ""},
	{`"Network":"none"`, "", ""},
	{`"Network":"mynet","NetworkAlias":"db"`, `Options.Network: "mynet": the policy grants no network mynet (Grants.Network)`, `"Network":["mynet"],"NetworkAlias":["db"]`},
	{`"Network":"name=mynet,alias=db"`, `Options.Network: "mynet": the policy grants no network mynet (Grants.Network)`, `"Network":["mynet"],"NetworkAlias":["db"]`},
	{`"Network":"name=bridge,driver-opt=a=b"`, `Options.Network: "a": the policy grants no DriverOpt a (Grants.DriverOpt)`, `"DriverOpt":["a"]`},
	{`"MacAddress":"92:d0:c6:0a:29:33"`, `Options.MacAddress: "92:d0:c6:0a:29:33": the policy grants no MacAddress 92:d0:c6:0a:29:33 (Grants.MacAddress)`, `"MacAddress":["92:*"]`},
	{`"Network":"name=bridge,mac-address=92:d0:c6:0a:29:33"`, `Options.MacAddress: "92:d0:c6:0a:29:33": the policy grants no MacAddress 92:d0:c6:0a:29:33 (Grants.MacAddress)`, `"MacAddress":["92:*"]`},
	{`"Network":"mynet","Ip":"172.20.0.9","Ip6":"2001:db8::9"`, `Options.Network: "mynet": the policy grants no network mynet (Grants.Network)`, `"Network":["mynet"],"Ip":["172.20.*"],"Ip6":true`},
	{`"LinkLocalIp":"169.254.169.254"`, `Options.LinkLocalIp: "169.254.169.254": the policy grants no LinkLocalIp 169.254.169.254 (Grants.LinkLocalIp)`, `"LinkLocalIp":["169.254.*"]`},
	{`"Link":"db:database"`, `Options.Link: "db:database": the policy grants no Link db:database (Grants.Link)`, `"Link":["db"]`},
	{`"Publish":"80:80"`, `Options.Publish: "80": the policy grants no port of the host 80 (Grants.HostPort)`, `"HostPort":["80"]`},
	{`"Publish":"published=443,target=80"`, `Options.Publish: "443": the policy grants no port of the host 443 (Grants.HostPort)`, `"HostPort":["1-1023"]`},
	{`"Publish":"1000-1030:80"`, `Options.Publish: "1000-1030": the policy grants no port of the host 1000-1030 (Grants.HostPort)`, `"HostPort":["1000-2000"]`},
	{`"Publish":["8080:80","81","0:82","127.0.0.1::83"],"PublishAll":true`, "", ""},
	{`"LogDriver":"syslog"`, `Options.LogDriver: "syslog": the policy grants no LogDriver syslog (Grants.LogDriver)`, `"LogDriver":["syslog"]`},
	{`"LogDriver":"local","LogOpt":{"max-size":"1m"}`, "", ""},
	{`"LogOpt":{"syslog-address":"tcp://10.0.0.1"}`, `Options.LogOpt: ***: the policy grants no LogOpt syslog-address (Grants.LogOpt)`, `"LogOpt":["syslog-*"]`},

	// other commands
	{`{"Dockercmd":"exec","Container":"c1","Cmd":["id"],"Options":{"Privileged":true}}`, `Options.Privileged: true: the policy grants no Privileged (Grants.Privileged)`, `"Privileged":true`},
	{`{"Dockercmd":"exec","Container":"c1","Cmd":["id"],"Options":{"User":"root","Tty":true,"Env":{"A":"b"},"Workdir":"/"}}`, "", ""},
	{`{"Dockercmd":"rm","Container":"c1/db","Options":{"Link":true}}`, `Options.Link: "1": the policy grants no Link 1 (Grants.Link)`, `"Link":true`},
	{`{"Dockercmd":"rm","Container":"c1","Options":{"Force":true,"Volumes":true}}`, "", ""},
	{`{"Dockercmd":"stop","Container":"c1","Options":{"Time":5}}`, "", ""},
	{`{"Dockercmd":"ps","Options":{"All":true,"Last":3,"Size":true,"Filter":"name=x"}}`, "", ""},
	{`{"Dockercmd":"pull","Image":"busybox","Options":{"AllTags":true}}`, "", ""},
	{`{"Dockercmd":"logs","Container":"c1","Options":{"Follow":true,"Details":true,"Since":"1m","Until":"1s","Timestamps":true,"Tail":3}}`, "", ""},
	{`{"Dockercmd":"cp","Container":"c1","Path":"/etc"}`, "", ""},
}

// makings are those of networks and volumes, under a policy that has the verbs.
var makings = []struct{ message, denial, grant string }{
	{`{"Dockercmd":"volume create","Volume":"v1","Options":{"Opt":{"type":"none","o":"bind","device":"/etc"}}}`, `Options.Opt: ***: the policy grants no bind mount of /etc (Grants.Bind)`, `"Bind":["/etc"]`},
	{`{"Dockercmd":"volume create","Volume":"v1","Options":{"Opt":{"type":"nfs","device":":/x"}}}`, `Options.Opt: ***: the policy grants no volume with options of its driver, device, type (Grants.VolumeOpt)`, `"VolumeOpt":true`},
	{`{"Dockercmd":"volume create","Volume":"v1","Options":{"Driver":"sshfs"}}`, `Options.Driver: "sshfs": the policy grants no volume driver sshfs (Grants.VolumeDriver)`, `"VolumeDriver":["sshfs"]`},
	{`{"Dockercmd":"volume create","Volume":"docker-dispatch.claim.x"}`, `Volume: "docker-dispatch.claim.x": the volumes docker-dispatch.… are the dispatcher's own`, ""},
	{`{"Dockercmd":"volume rm","Volume":"docker-dispatch.claim.x"}`, `Volume: "docker-dispatch.claim.x": the volumes docker-dispatch.… are the dispatcher's own`, ""},
	{`{"Dockercmd":"volume create","Volume":"v1","Options":{"Label":"a=b"}}`, "", ""},
	{`{"Dockercmd":"network create","Network":"n1","Options":{"Internal":true,"Ipv6":true,"Label":"a=b"}}`, "", ""},
	{`{"Dockercmd":"network create","Network":"n1","Options":{"Driver":"macvlan"}}`, `Options.Driver: "macvlan": the policy grants no network driver macvlan (Grants.NetworkDriver)`, `"NetworkDriver":["macvlan"]`},
	{`{"Dockercmd":"network create","Network":"n1","Options":{"Opt":{"parent":"eth0"}}}`, `Options.Opt: ***: the policy grants no NetworkOpt parent (Grants.NetworkOpt)`, `"NetworkOpt":["parent"]`},
	{`{"Dockercmd":"network create","Network":"n1","Options":{"Subnet":"10.0.0.0/8","Gateway":"10.0.0.1","IpRange":"10.1.0.0/16","AuxAddress":{"a":"10.0.0.9"}}}`, `Options.Subnet: {"AuxiliaryAddresses":{"a":"10.0.0.9"},"Gateway":"10.0.0.1","IPRange":"10.1.0.0/…: the policy grants no Subnet 10.0.0.0/8 (Grants.Subnet)`, `"Subnet":["10.*"]`},
	{`{"Dockercmd":"network create","Network":"n1","Options":{"IpamDriver":"x","IpamOpt":{"a":"b"}}}`, `Options.IpamDriver: "x": the policy grants no IpamDriver x (Grants.IpamDriver)`, `"IpamDriver":["x"],"IpamOpt":["a"]`},
	{`{"Dockercmd":"network create","Network":"n1","Options":{"Attachable":true,"Scope":"swarm","ConfigOnly":true,"ConfigFrom":"c1","Ingress":true}}`, `Options.Attachable: true: the policy grants no Attachable (Grants.Attachable)`, `"Attachable":true,"Scope":["swarm"],"ConfigOnly":true,"ConfigFrom":["c1"],"Ingress":true`},
	{`{"Dockercmd":"network connect","Network":"n1","Container":"c1","Options":{"Alias":"db"}}`, `Options.Alias: "db": the policy grants no NetworkAlias db (Grants.NetworkAlias)`, `"NetworkAlias":["db"]`},
	{`{"Dockercmd":"network connect","Network":"n1","Container":"c1","Options":{"Link":"db:x"}}`, `Options.Link: "db:x": the policy grants no Link db:x (Grants.Link)`, `"Link":["db"]`},
	{`{"Dockercmd":"network connect","Network":"n1","Container":"c1","Options":{"Ip":"10.0.0.9"}}`, `Options.Ip: "10.0.0.9": the policy grants no Ip 10.0.0.9 (Grants.Ip)`, `"Ip":["10.*"]`},
	{`{"Dockercmd":"network connect","Network":"n1","Container":"c1","Options":{"Ip6":"fd00::9"}}`, `Options.Ip6: "fd00::9": the policy grants no Ip6 fd00::9 (Grants.Ip6)`, `"Ip6":true`},
	{`{"Dockercmd":"network connect","Network":"n1","Container":"c1","Options":{"LinkLocalIp":"169.254.1.1"}}`, `Options.LinkLocalIp: "169.254.1.1": the policy grants no LinkLocalIp 169.254.1.1 (Grants.LinkLocalIp)`, `"LinkLocalIp":true`},
	{`{"Dockercmd":"network connect","Network":"n1","Container":"c1","Options":{"DriverOpt":"a=b","GwPriority":1}}`, `Options.DriverOpt: ***: the policy grants no DriverOpt a (Grants.DriverOpt)`, `"DriverOpt":true`},
	{`{"Dockercmd":"network disconnect","Network":"n1","Container":"c1","Options":{"Force":true}}`, "", ""},
}

const openVerbs = `"Verbs":{"volume create":true,"volume rm":true,"network create":true,"network connect":true,"network disconnect":true}`

func TestPolicyPowers(t *testing.T) {
	named := map[string]bool{}
	for verbs, table := range map[string][]struct{ message, denial, grant string }{"": powers, openVerbs + ",": makings} {
		for _, tt := range table {
			message := asRun(tt.message)
			c, got := judged(t, policyOf(t, "{"+verbs+`"Images":true}`), message)
			if got != tt.denial {
				t.Errorf("%s:\n got %s\nwant %s", tt.message, got, tt.denial)
			}
			if _, got := judged(t, policyOf(t, "{"+verbs+`"Grants":{`+tt.grant+`}}`), message); got != "" && tt.grant != "" {
				t.Errorf("%s, granted %s: %s", tt.message, tt.grant, got)
			}
			if _, got := judged(t, policyOf(t, "{"+verbs+`"Grants":true}`), message); (got == "") != (tt.grant != "" || tt.denial == "") {
				t.Errorf("%s, all granted: %q", tt.message, got)
			}
			for i := range options {
				if row := &options[i]; row.of(c.Verb) && strings.Contains(message, `"`+row.name+`"`) {
					named[row.name+" of "+c.Verb] = true
				}
			}
		}
	}
	for i := range options {
		row := &options[i]
		verb, _, _ := strings.Cut(row.verbs, ", ")
		if !row.safe && !named[row.name+" of "+verb] {
			t.Errorf("%s of %s is not in the table", row.name, verb)
		}
	}
}

// What is granted for one value is not granted for its neighbours, however they are spelt.
func TestPolicyPatterns(t *testing.T) {
	for _, tt := range []struct{ grants, options, rule string }{
		{`"Bind":["/srv/data"]`, `"Volume":"/srv/data:/d"`, ""},
		{`"Bind":["/srv/data"]`, `"Volume":"/srv//data/./deep/:/d"`, ""},
		{`"Bind":["/srv/data/"]`, `"Mount":"type=bind,src=/srv/data/deep,dst=/d"`, ""},
		{`"Bind":["/srv/data"]`, `"Volume":"/srv/data2:/d"`, "Bind"},
		{`"Bind":["/srv/data"]`, `"Volume":"/srv:/d"`, "Bind"},
		{`"Bind":["/srv/data"]`, `"Volume":"/srv/data/../../etc:/d"`, "Bind"},
		{`"Bind":["/srv/data"]`, `"Volume":"/srv/data/..:/d"`, "Bind"},
		{`"Bind":["/srv/*/data"]`, `"Volume":"/srv/a/data/x:/d"`, ""},
		{`"Bind":["/srv/*/data"]`, `"Volume":"/srv/a/b/data:/d"`, "Bind"},
		{`"Bind":["/srv/*"]`, `"Volume":"/srv:/d"`, "Bind"},
		{`"Bind":["/srv"]`, `"Volume":["/srv:/d","/etc:/e"]`, "Bind"},
		{`"Bind":["/srv"]`, `"Volume":"data:/d"`, "NamedVolume"},
		{`"Bind":["/srv"]`, `"Mount":"type=bind,src=srv,dst=/d"`, "Bind"},
		{`"NamedVolume":["*"]`, `"Volume":"/srv:/d"`, "Bind"},
		{`"NamedVolume":["*"]`, `"Mount":"src=v,dst=/d,volume-opt=o=bind,volume-opt=device=/"`, "Bind"},
		{`"Network":["*"]`, `"Network":"host"`, "Network"},
		{`"Network":["*"]`, `"Network":"container:db"`, "Network"},
		{`"Network":["h*","?ost"]`, `"Network":"host"`, "Network"},
		{`"Network":["ci-*"]`, `"Network":"ci-1"`, ""},
		{`"Network":["ci-*"]`, ``, "Network"},
		{`"Network":["d*"]`, `"Network":"deadbeef"`, "Network"},
		{`"Network":["deadbeef"]`, `"Network":"deadbeef"`, ""},
		{`"Network":["a"]`, `"Network":["a","b"]`, "Network"},
		{`"Pid":["container:w*"]`, `"Pid":"container:web"`, ""},
		{`"Pid":["container:d*"]`, `"Pid":"container:db1"`, "Pid"},
		{`"Pid":["*"]`, `"Pid":"host"`, "Pid"},
		{`"VolumesFrom":["a*"]`, `"VolumesFrom":"ab"`, "VolumesFrom"},
		{`"CapAdd":["NET_*"]`, `"CapAdd":["net_admin","CAP_NET_RAW"]`, ""},
		{`"CapAdd":["CAP_*"]`, `"CapAdd":"ALL"`, "CapAdd"},
		{`"CapAdd":["*"]`, `"CapAdd":"ALL"`, "CapAdd"},
		{`"CapAdd":["*"]`, `"CapAdd":"SYS_ADMIN"`, ""},
		{`"Tmpfs":["size"]`, `"Tmpfs":"/t:ro"`, "Tmpfs"},
		{`"Tmpfs":false`, `"Tmpfs":"/t"`, ""},
		{`"Bind":["/srv"],"VolumeDriver":["x"]`, `"Mount":"dst=/d,volume-driver=x,volume-opt=o=bind,volume-opt=device=/srv,volume-opt=mountpoint=/"`, "VolumeOpt"},
		{`"CapAdd":["NET_ADMIN"]`, `"CapAdd":["NET_ADMIN","SYS_ADMIN"]`, "CapAdd"},
		{`"Device":["/dev/snd"]`, `"Device":"/dev/snd/timer:/dev/t:r"`, ""},
		{`"Device":["/dev/snd"]`, `"Device":"/dev/snd/../sda"`, "Device"},
		{`"Device":["/dev/*"]`, `"Device":"vendor.com/net=a"`, "Device"},
		{`"HostPort":["443"]`, `"Publish":"443:1"`, ""},
		{`"HostPort":["443"]`, `"Publish":"8080:1"`, "HostPort"},
		{`"HostPort":false`, `"Publish":"8080:1"`, "HostPort"},
		{`"HostPort":["1024-2000"]`, `"Publish":"1999-2001:1-3"`, "HostPort"},
		{`"LogDriver":false`, `"LogDriver":"json-file"`, "LogDriver"},
		{`"Restart":["on-failure"]`, `"Restart":"on-failure:3"`, ""},
		{`"Restart":["on-failure"]`, `"Restart":"always"`, "Restart"},
	} {
		_, got := judged(t, policyOf(t, `{"Grants":{`+tt.grants+`}}`), asRun(tt.options))
		if tt.rule == "" && got != "" || tt.rule != "" && !strings.HasSuffix(got, " (Grants."+tt.rule+")") {
			t.Errorf("%s with %s: %q, want rule %q", tt.options, tt.grants, got, tt.rule)
		}
	}
}

func TestPolicyImages(t *testing.T) {
	id := strings.Repeat("0123456789abcdef", 4)
	for _, tt := range []struct {
		pattern string
		yes, no string // images with blanks between
	}{
		{"debian", "debian debian:latest docker.io/debian library/debian index.docker.io/library/debian:latest", "debian:12 debian@sha256:" + id + " debian-evil evil/debian localhost/debian debian.io/debian"},
		{"debian:*", "debian debian:12 docker.io/library/debian:x", "debian@sha256:" + id + " debian:12@sha256:" + id},
		{"debian@*", "debian@sha256:" + id + " debian:12@sha256:" + id, "debian"},
		{"debian*", "debian debian:12 debian-evil debian@sha256:" + id, "evil/debian"},
		{"team/*", "team/a docker.io/team/b:1", "team team2/a example.org/team/a"},
		{"registry.example:5000/team/*@sha256:*", "registry.example:5000/team/a@sha256:" + id + " registry.example:5000/team/a:1@sha256:" + id, "registry.example:5000/team/a registry.example/team/a@sha256:" + id},
		{"docker.io/*", "debian a/b", id + " " + id[:12] + " sha256:" + id + " localhost/a"},
		{"abc*", "abcx", "abc"}, // the beginning of an id
		{"abc", "abc", "abcd"},
		{"abc:latest", "abc:latest", "abc"},
		{"sha256:*", id + " abc sha256:" + id, "debian"},
		{"*", "debian abc " + id, ""},
		{"*/debian:12", "debian:12 a.org/debian:12", "debian:13"},
	} {
		p := policyOf(t, fmt.Sprintf(`{"Images":[%q]}`, tt.pattern))
		for image := range strings.FieldsSeq(tt.yes + " " + tt.no) {
			want := slices.Contains(strings.Fields(tt.yes), image)
			for _, message := range []string{`{"Dockercmd":"run","Image":%q}`, `{"Dockercmd":"pull","Image":%q}`} {
				if _, got := judged(t, p, fmt.Sprintf(message, image)); (got == "") != want {
					t.Errorf("%s of %s: %q", image, tt.pattern, got)
				}
			}
		}
	}
	p := policyOf(t, `{"Images":["debian:1?"]}`)
	if _, got := judged(t, p, `{"Dockercmd":"pull","Image":"debian","Options":{"AllTags":true}}`); got == "" {
		t.Error("all tags are pulled where some are granted")
	}
	if _, got := judged(t, p, `{"Dockercmd":"run","Image":"debian:12","Options":{"Mount":"type=image,source=evil,target=/i"}}`); !strings.HasSuffix(got, "image evil (Images)") {
		t.Error(got)
	}
}

// Symbolic links count for where they lead to.
func TestPolicyLinks(t *testing.T) {
	base := t.TempDir()
	if err := os.MkdirAll(base+"/data/deep", 0o755); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{"data/out": "/", "data/in": "deep", "data/dangling": "/nowhere", "data/loop": "loop", "alias": "data", "data/up": "../data/deep"} {
		if err := os.Symlink(target, filepath.Join(base, link)); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		granted, source string
		want            bool
	}{
		{"data", "data", true}, {"data", "data/deep", true}, {"data", "data/in", true}, {"data", "data/up", true}, {"data", "data/not/yet", true},
		{"data", "data/out", false}, {"data", "data/out/etc", false}, {"data", "data/dangling", false}, {"data", "data/loop", false}, {"data", "data/dangling/x", false},
		{"alias", "alias/deep", true}, {"alias", "data/deep", false}, {"data", "alias/deep", false},
	} {
		p := policyOf(t, fmt.Sprintf(`{"Grants":{"Bind":[%q]}}`, base+"/"+tt.granted))
		p.HostFiles = true
		if _, got := judged(t, p, asRun(fmt.Sprintf(`"Volume":"%s/%s:/d"`, base, tt.source))); (got == "") != tt.want {
			t.Errorf("%s of %s: %q", tt.source, tt.granted, got)
		}
	}
}

// Every command that docker's CLI can be told is known to the policy: whoever grants all is told of no unknown path.
func TestPolicyKnowsAll(t *testing.T) {
	all := policyOf(t, `{"Grants":true}`)
	for _, text := range oracleCases {
		_, flags := splitCase(text)
		c, err := understand(messageOf(t, flags))
		if err != nil {
			continue
		}
		if err := all.Apply(&c); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// Every verb has a door, and every key of a message that is sent is known.
func TestPolicyTables(t *testing.T) {
	for _, v := range verbs {
		if !slices.ContainsFunc(doors[:], func(d door) bool { return d.name == v.name }) {
			t.Errorf("%s has no door", v.name)
		}
	}
	names := grantNames()
	for _, r := range rules {
		for verb := range strings.SplitSeq(r.verbs, ", ") {
			if row := rowAt(verb, r.path); row != nil && row.safe && r.path != "Image" {
				t.Errorf("%s of %s is safe, and has a rule", row.name, verb)
			}
		}
	}
	for _, kind := range grantKinds[1:] {
		if !slices.Contains(names, kind.name) {
			t.Errorf("nobody can grant %s", kind.name)
		}
	}
	if !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Errorf("names of grants: %q", names)
	}
	j := judgement{NewPolicy(), &Command{Verb: "run"}}
	for _, path := range []string{"HostConfig.NewPower", "NewPower", "?new"} {
		if err := j.walk(path, "x"); err == nil || !strings.HasSuffix(err.Error(), `: "x": no rule of the policy knows it`) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestPolicyVerbs(t *testing.T) {
	for door, message := range map[string]string{
		"run": `{"Dockercmd":"run","Image":"i"}`, "create": `{"Dockercmd":"create","Image":"i"}`, "start": `{"Dockercmd":"start","Container":"c1"}`,
		"stop": `{"Dockercmd":"stop","Container":"c1"}`, "remove": `{"Dockercmd":"rm","Container":"c1"}`, "inspect": `{"Dockercmd":"inspect","Container":"c1"}`,
		"inspect image": `{"Dockercmd":"inspect","Image":"c1"}`, "inspect network": `{"Dockercmd":"inspect","Network":"c1"}`, "inspect volume": `{"Dockercmd":"inspect","Volume":"c1"}`,
		"cp": `{"Dockercmd":"cp","Container":"c1","Path":"/x"}`, "cp into": `{"Dockercmd":"cp","Container":"c1","Path":"/x","TarBase64":""}`, "rmi": `{"Dockercmd":"rmi","Image":"i"}`,
		"volume create": `{"Dockercmd":"volume create","Volume":"c1"}`, "volume rm": `{"Dockercmd":"volume rm","Volume":"c1"}`, "pull": `{"Dockercmd":"pull","Image":"i"}`,
		"network create": `{"Dockercmd":"network create","Network":"c1"}`, "network rm": `{"Dockercmd":"network rm","Network":"c1"}`, "ps": `{"Dockercmd":"ps"}`,
	} {
		if _, got := judged(t, policyOf(t, `{"Verbs":{"`+door+`":false}}`), message); !strings.HasSuffix(got, "(Verbs."+join("", door)+")") {
			t.Errorf("%s refused: %q", door, got)
		}
		if c, got := judged(t, policyOf(t, `{"Verbs":{"`+door+`":true}}`), message); got != "" || !c.Reach.all {
			t.Errorf("%s granted: %q", door, got)
		}
	}
	p := policyOf(t, `{"Verbs":{"volume create":["ci-*"]}}`)
	if _, got := judged(t, p, `{"Dockercmd":"volume create","Volume":"db"}`); got != `Volume: "db": the policy grants no such name (Verbs."volume create")` {
		t.Error(got)
	}
	if _, got := judged(t, p, `{"Dockercmd":"volume create","Volume":"ci-1"}`); got != "" {
		t.Error(got)
	}
}

func TestPolicyLimits(t *testing.T) {
	p := policyOf(t, `{"Grants":{"Restart":true},"Limits":{"Memory":{"Default":"64m","Max":"1g"},"Cpus":{"Max":2},"PidsLimit":{"Default":100,"Max":200},"Timeout":{"Default":60,"Max":120},"Stdin":{"Max":4},"Output":{"Max":"1k"}}}`)
	const standard = `"Attach":"STDOUT"`
	c, got := judged(t, p, asRun(standard))
	if got != "" || c.number("HostConfig.Memory") != 64<<20 || c.number("HostConfig.NanoCpus") != 2e9 || c.number("HostConfig.PidsLimit") != 100 || c.Timeout != time.Minute || c.Output != 1024 {
		t.Errorf("%q: %v %v", got, c.Body, c.Timeout)
	}
	for _, tt := range []struct{ message, want string }{
		{standard + `,"Memory":"1g","Cpus":2,"PidsLimit":200,"Timeout":120,"MemorySwap":"2g"`, ""},
		{standard + `,"Memory":"1025m"`, `Options.Memory: 1074790400: the policy's limit is 1073741824 (Limits.Memory.Max)`},
		{standard + `,"MemorySwap":-1`, `Options.MemorySwap: -1: the policy's limit is twice its 1073741824 bytes of memory (Limits.Memory.Max)`},
		{standard + `,"Memory":"1g","MemorySwap":"3g"`, `Options.MemorySwap: 3221225472: the policy's limit is twice its 1073741824 bytes of memory (Limits.Memory.Max)`},
		{standard + `,"Cpus":2.5`, `Options.Cpus: 2.5: the policy's limit is 2 (Limits.Cpus.Max)`},
		{standard + `,"CpuQuota":250000`, `Options.Cpus: 2.5: the policy's limit is 2 (Limits.Cpus.Max)`},
		{standard + `,"CpuQuota":100000,"CpuPeriod":10000`, `Options.Cpus: 10: the policy's limit is 2 (Limits.Cpus.Max)`},
		{standard + `,"CpuQuota":-1`, `Options.CpuQuota: -1: the policy's limit is 2 CPUs; give Cpus, or a quota together with its CpuPeriod (Limits.Cpus.Max)`},
		{standard + `,"PidsLimit":-1`, `Options.PidsLimit: -1: the policy's limit is 200 (Limits.PidsLimit.Max)`},
		{standard + `,"PidsLimit":201`, `Options.PidsLimit: 201: the policy's limit is 200 (Limits.PidsLimit.Max)`},
		{standard + `,"Timeout":121`, `Options.Timeout: 121: the policy's limit is 120 (Limits.Timeout.Max)`},
		{``, `Options.Attach: the policy limits the time of a run; only one that is attached and is not restarted can be held to it (Limits.Timeout.Max)`},
		{standard + `,"Restart":"always"`, `Options.Attach: the policy limits the time of a run; only one that is attached and is not restarted can be held to it (Limits.Timeout.Max)`},
		{`{"Dockercmd":"create","Image":"i"}`, `Options.Attach: the policy limits the time of a run; only one that is attached and is not restarted can be held to it (Limits.Timeout.Max)`},
		{`{"Dockercmd":"run","Image":"i","Stdin":"12345","Options":{"Attach":["STDIN","STDOUT"]}}`, `Stdin: ***: the policy's limit is 4 (Limits.Stdin.Max)`},
		{`{"Dockercmd":"update","Container":"c1","Options":{"Memory":"2g"}}`, `Options.Memory: 2147483648: the policy's limit is 1073741824 (Limits.Memory.Max)`},
		{`{"Dockercmd":"update","Container":"c1","Options":{"CpuPeriod":1000}}`, `Options.CpuQuota: 0: the policy's limit is 2 CPUs; give Cpus, or a quota together with its CpuPeriod (Limits.Cpus.Max)`},
		{`{"Dockercmd":"update","Container":"c1","Options":{"CpuQuota":1000}}`, `Options.CpuQuota: 1000: the policy's limit is 2 CPUs; give Cpus, or a quota together with its CpuPeriod (Limits.Cpus.Max)`},
		{`{"Dockercmd":"update","Container":"c1","Options":{"CpuShares":9}}`, ""},
		{`{"Dockercmd":"update","Container":"c1","Options":{"Restart":"no"}}`, ""},
		{`{"Dockercmd":"update","Container":"c1","Options":{"Restart":"always"}}`, `Options.Attach: the policy limits the time of a run; only one that is attached and is not restarted can be held to it (Limits.Timeout.Max)`},
		{standard + `,"CpuPeriod":1`, ""}, // the quota is 2
		{standard + `,"CpuPeriod":-5`, `Options.CpuQuota: -10: the policy's limit is 2 CPUs; give Cpus, or a quota together with its CpuPeriod (Limits.Cpus.Max)`},
	} {
		if _, got := judged(t, p, asRun(tt.message)); got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.message, got, tt.want)
		}
	}
	p2 := policyOf(t, `{"Limits":{"Cpus":{"Max":0.5}}}`)
	if _, got := judged(t, p2, asRun(`"CpuPeriod":1`)); got != `Options.CpuQuota: 0: the policy's limit is 0.5 CPUs; give Cpus, or a quota together with its CpuPeriod (Limits.Cpus.Max)` {
		t.Errorf("half of a microsecond: %q", got)
	}
	c, got = judged(t, p, asRun(standard+`,"CpuPeriod":50000`))
	if got != "" || c.number("HostConfig.CpuQuota") != 100000 || at(c.Body, "HostConfig.NanoCpus") != nil {
		t.Errorf("%q: %v", got, c.Body)
	}
}

func TestPolicyHarden(t *testing.T) {
	for _, tt := range []struct{ grants, options, want string }{
		{``, ``, `{"CapDrop":["ALL"],"LogConfig":{"Config":{"max-file":"3","max-size":"10m"},"Type":"json-file"},"PidsLimit":512,"SecurityOpt":["no-new-privileges"]}`},
		{`"CapAdd":["CHOWN"]`, `"CapAdd":"chown","CapDrop":"net_raw","PidsLimit":9,"LogDriver":"none"`, `{"CapAdd":["CAP_CHOWN"],"CapDrop":["ALL"],"LogConfig":{"Type":"none"},"PidsLimit":9,"SecurityOpt":["no-new-privileges"]}`},
		{`"SecurityOpt":true`, `"SecurityOpt":["no-new-privileges=false","label=disable"],"LogDriver":"local","LogOpt":{"max-size":"1m"}`, `{"CapDrop":["ALL"],"LogConfig":{"Config":{"max-size":"1m"},"Type":"local"},"PidsLimit":512,"SecurityOpt":["no-new-privileges=false","label=disable"]}`},
		{`"Privileged":true`, `"Privileged":true,"LogDriver":"none"`, `{"LogConfig":{"Type":"none"},"PidsLimit":512,"Privileged":true,"SecurityOpt":["no-new-privileges"]}`},
	} {
		c, got := judged(t, policyOf(t, `{"Harden":true,"Grants":{`+tt.grants+`}}`), asRun(tt.options))
		if text := asJSON(c.Body["HostConfig"].(map[string]any)); got != "" || text != tt.want {
			t.Errorf("%s:\n got %s %s\nwant %s", tt.options, got, text, tt.want)
		}
	}
}

var brokenPolicies = []struct{ text, want string }{
	{``, `not JSON: the policy is empty`},
	{`[]`, `[]: not an object, {…}`},
	{`{}{}`, `line 1, column 3: something follows the JSON object; one policy is one object`},
	{`{"Verbs":{}`, `not JSON: line 1, column 12: it ends too early; a brace, bracket or quote is not closed`},
	{`{"Grant":{}}`, `Grant: unknown key; did you mean Grants? (there are Verbs, Images, Grants, Limits, Harden)`},
	{`{"Verbs":{"stop":["web-*","own"]}}`, `Verbs.stop: "own": in a list it is a name; "own" stands alone`},
	{`{"Harden":1}`, `Harden: 1: not true or false, without quotes`},
	{`{"Harden":true,"Harden":false}`, `Harden: given twice`},
	{`{"Images":"debian"}`, `Images: "debian": neither true nor a list of images with * and ?`},
	{`{"Images":["debian",""]}`, `Images: "": an empty pattern is for nothing`},
	{`{"Images":[null]}`, `Images: [null]: neither true nor a list of images with * and ?`},
	{`{"Grants":false}`, `Grants: false: not an object, {…}`},
	{`{"Grants":{"Bind":"/srv"}}`, `Grants.Bind: "/srv": neither true nor false nor a list of texts with * and ?`},
	{`{"Grants":{"Bind":["srv"]}}`, `Grants.Bind: "srv": not an absolute path without dots (try "/srv/data", for itself and all below)`},
	{`{"Grants":{"Bind":["/srv/.."]}}`, `Grants.Bind: "/srv/..": not an absolute path without dots (try "/srv/data", for itself and all below)`},
	{`{"Grants":{"HostPort":["http"]}}`, `Grants.HostPort: "http": not a port or a range, of any protocol (try "443" or "8000-8010")`},
	{`{"Grants":{"HostPort":["443/udp"]}}`, `Grants.HostPort: "443/udp": not a port or a range, of any protocol (try "443" or "8000-8010")`},
	{`{"Grants":{"Bind":null}}`, `Grants.Bind: null: neither true nor false nor a list of texts with * and ?`},
	{`{"Verbs":{"run":"own"}}`, `Verbs.run: "own": neither true nor false`},
	{`{"Verbs":{"ps":["web-*"]}}`, `Verbs.ps: ["web-*"]: not true, false or "own"`},
	{`{"Verbs":{"stop":"any"}}`, `Verbs.stop: "any": not true, false or "own" or a list of names with * and ?`},
	{`{"Limits":{"Memory":"1g"}}`, `Limits.Memory: "1g": not an object, {…}`},
	{`{"Limits":{"Memory":{"Max":"0"}}}`, `Limits.Memory.Max: "0": not more than 0; leave it out for no limit`},
	{`{"Limits":{"Memory":{"Max":"1x"}}}`, `Limits.Memory.Max: "1x": not a size (try "512m" or "2g")`},
	{`{"Limits":{"PidsLimit":{"Max":-1}}}`, `Limits.PidsLimit.Max: -1: not more than 0; leave it out for no limit`},
	{`{"Limits":{"Cpus":{"Default":2,"Max":1}}}`, `Limits.Cpus.Default: it is more than Limits.Cpus.Max`},
	{`{"Limits":{"Output":{"Default":"1m"}}}`, `Limits.Output.Default: unknown key (there are Max)`},
}

func TestBrokenPolicies(t *testing.T) {
	for _, tt := range brokenPolicies {
		p, err := parsePolicy([]byte(tt.text))
		if err == nil || err.Error() != tt.want || p != nil {
			t.Errorf("%s:\n got %v\nwant %s", tt.text, err, tt.want)
		}
	}
	if p, err := parsePolicy([]byte(`{"Verbs":{"rm":true}}`)); p != nil || err == nil || !strings.HasPrefix(err.Error(), "Verbs.rm: unknown key; did you mean rmi? (there are run, create, ") {
		t.Error(p, err)
	}
	if _, err := ReadPolicy("/nowhere"); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	if _, err := ReadPolicy("/dev/zero"); err == nil || err.Error() != `cmds: policy: /dev/zero: longer than 1024 KiB` {
		t.Error(err)
	}
}

// The examples are policies, by the schema too, and say what their names do.
func TestPolicyExamples(t *testing.T) {
	schema := policySchema(t)
	files, err := filepath.Glob("../examples/policy/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ReadPolicy(file); err != nil {
			t.Error(err)
		}
		var value any
		if err := json.Unmarshal(text, &value); err != nil {
			t.Error(err)
		}
		for key := range value.(map[string]any) {
			if at(schema, "properties."+key) == nil {
				t.Errorf("%s: the schema has no %s", file, key)
			}
		}
	}
}

func policySchema(t testing.TB) (schema map[string]any) {
	t.Helper()
	var text bytes.Buffer
	if err := WritePolicySchema(&text); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text.Bytes(), &schema); err != nil {
		t.Fatalf("%v in %s", err, text.String())
	}
	return schema
}

// Whatever is read is a policy, and it lets nothing through that it does not say.
func FuzzPolicy(f *testing.F) {
	for _, tt := range brokenPolicies {
		f.Add([]byte(tt.text))
	}
	for _, file := range []string{"strict", "ci", "trusted"} {
		text, err := os.ReadFile("../examples/policy/" + file + ".json")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := parsePolicy(text)
		if err != nil {
			var bad *Invalid
			if p != nil || !errors.As(err, &bad) {
				t.Fatalf("%v, %v", p, err)
			}
			return
		}
		c, err := understand(asRun(`"Volume":"/etc/shadow:/x"`))
		if err != nil {
			t.Fatal(err)
		}
		if granted := p.grants["Bind"]; p.Apply(&c) == nil && !granted.all && len(granted.patterns) == 0 {
			t.Fatalf("%s grants a bind mount", text)
		}
	})
}

// Patterns are read one way, by what path.Match makes of them.
func FuzzGlob(f *testing.F) {
	for _, tt := range [][2]string{{"*", ""}, {"a*b?c", "axxbyc"}, {"*a*a*a*", "aaaaaaaaaaaaaaaaaaaa"}, {"/srv/*", "/srv/a/b"}, {"??", "é"}} {
		f.Add(tt[0], tt[1])
	}
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if strings.ContainsAny(pattern, `[]\`) || strings.IndexFunc(pattern+text, func(r rune) bool { return r >= 0x80 }) >= 0 {
			return
		}
		want, err := filepath.Match(pattern, text)
		if got := glob(pattern, text, '/'); err != nil || got != want {
			t.Errorf("%q, %q: %v, want %v, %v", pattern, text, got, want, err)
		}
	})
}

// FuzzJudge holds whatever can be a command to policies: one that grants all knows every path, and one that grants nothing lets no power through.
func FuzzJudge(f *testing.F) {
	for _, tt := range powers {
		f.Add([]byte(asRun(tt.message)))
	}
	all, none := policyOf(f, `{`+openVerbs+`,"Grants":true}`), NewPolicy()
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := Decode(wire.Delivery{Body: body}, testMaxBody)
		if err != nil {
			return
		}
		var c Command
		if err := c.Resolve(m, "here"); err != nil || !among(making, c.Verb) {
			return
		}
		if err := all.Apply(&c); err != nil && !strings.HasSuffix(err.Error(), ownVolume) {
			t.Fatalf("%s: %v", body, err)
		}
		if none.Apply(&c) == nil && (at(c.Body, "HostConfig.Privileged") == true || at(c.Body, "HostConfig.Binds") != nil || at(c.Body, "HostConfig.Devices") != nil) {
			t.Fatalf("%s is let through", body)
		}
	})
}
