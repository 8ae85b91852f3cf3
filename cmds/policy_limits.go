package cmds

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// resource is what a policy can limit.
type resource uint8

const (
	ofMemory resource = iota // bytes
	ofCPUs                   // billionths of one
	ofPids                   // processes
	ofTime                   // nanoseconds, of a run
	ofStdin                  // bytes
	ofOutput                 // bytes
)

// limits are those of a policy.
type limits [len(resources)]limit

// limit is what a message gets that does not say, and what it gets at most; 0 is no limit.
type limit struct{ usual, most int64 }

// resourceKey is a key of a policy's limits.
type resourceKey struct {
	name  string
	key   string // of the message
	kind  *kind
	usual bool // it can be chosen for messages that do not say
}

var resources = [...]resourceKey{
	ofMemory: {"Memory", "Options.Memory", &kindSize, true},
	ofCPUs:   {"Cpus", "Options.Cpus", &kindCPUs, true},
	ofPids:   {"PidsLimit", "Options.PidsLimit", &kindWhole, true},
	ofTime:   {"Timeout", "Options.Timeout", &kindTimeout, true},
	ofStdin:  {"Stdin", "Stdin", &kindSize, false},
	ofOutput: {"Output", "", &kindSize, false},
}

// period is the Engine's own CpuPeriod, in microseconds.
const period = 100_000

// apply holds a command to the limits, and gives a new container those that it has not.
func (l *limits) apply(c *Command) error {
	if n := int64(len(c.Stdin)); l[ofStdin].most > 0 && n > l[ofStdin].most {
		return l.denied(ofStdin, fmt.Sprintf("%d bytes", n))
	}
	if among(making, c.Verb) {
		l.fill(c)
	}
	if !among(limiting, c.Verb) {
		return nil
	}
	for _, check := range []func(*Command) error{l.checkTimeout, l.checkMemory, l.checkCPUs, l.checkPids} {
		if err := check(c); err != nil {
			return err
		}
	}
	return nil
}

// number is what the body has at a path; 0 where it has nothing.
func (c *Command) number(path string) int64 {
	switch n := at(c.Body, path).(type) {
	case int64:
		return n
	case int:
		return int64(n)
	}
	return 0
}

// fill gives a container what it does not say itself: the usual limit, or else the highest. CPUs may be said as a share of a period.
func (l *limits) fill(c *Command) {
	for _, f := range []struct {
		what resource
		path string
	}{{ofMemory, "HostConfig.Memory"}, {ofPids, "HostConfig.PidsLimit"}} {
		if n := l[f.what].standard(); n > 0 && c.number(f.path) == 0 {
			c.set(f.path, n)
		}
	}
	n, own := l[ofCPUs].standard(), c.number("HostConfig.CpuPeriod")
	switch {
	case n == 0 || c.number("HostConfig.NanoCpus") != 0 || c.number("HostConfig.CpuQuota") != 0:
	case own != 0:
		c.set("HostConfig.CpuQuota", n/1000*own/1_000_000)
	default:
		c.set("HostConfig.NanoCpus", n)
	}
	l.fillTimeout(c)
}

func (l *limits) fillTimeout(c *Command) {
	if c.Timeout == 0 && c.Verb == "run" && c.Attached() {
		c.Timeout = time.Duration(l[ofTime].standard())
	}
}

func (l limit) standard() int64 {
	if l.usual > 0 {
		return l.usual
	}
	return l.most
}

// checkMemory holds the swap to what the Engine itself gives: as much as there is memory, beside that.
func (l *limits) checkMemory(c *Command) error {
	most, memorySwap := l[ofMemory].most, c.number("HostConfig.MemorySwap")
	switch {
	case most == 0:
	case c.number("HostConfig.Memory") > most:
		return l.denied(ofMemory, fmt.Sprint(c.number("HostConfig.Memory")))
	case memorySwap < 0 || memorySwap > 2*most:
		return &Denied{"Options.MemorySwap", strconv.FormatInt(memorySwap, 10), "the policy's limit is twice its " + l.text(ofMemory) + " bytes of memory", "Limits.Memory.Max"}
	}
	return nil
}

// checkCPUs counts those of a quota by its period, which an update has to say too: it may be short by now. A period without a quota, or one
// of which the limit is no whole part, is no limit.
func (l *limits) checkCPUs(c *Command) error {
	quota, own := c.number("HostConfig.CpuQuota"), c.number("HostConfig.CpuPeriod")
	unlimited := quota < 0 || quota == 0 && own != 0
	if own == 0 && c.Verb != "update" {
		own = period
	}
	n := c.number("HostConfig.NanoCpus")
	switch {
	case unlimited, quota > 0 && own <= 0:
		n = math.MaxInt64
	case quota > 0:
		n = int64(min(float64(quota)/float64(own)*1e9, math.MaxInt64/2))
	}
	switch {
	case l[ofCPUs].most == 0 || n <= l[ofCPUs].most:
		return nil
	case n == math.MaxInt64:
		return &Denied{"Options.CpuQuota", strconv.FormatInt(quota, 10), "the policy's limit is " + l.text(ofCPUs) + " CPUs; give Cpus, or a quota together with its CpuPeriod", "Limits.Cpus.Max"}
	}
	return l.denied(ofCPUs, strconv.FormatFloat(float64(n)/1e9, 'f', -1, 64))
}

func (l *limits) checkPids(c *Command) error {
	if n := c.number("HostConfig.PidsLimit"); l[ofPids].most > 0 && (n < 0 || n > l[ofPids].most) {
		return l.denied(ofPids, fmt.Sprint(n))
	}
	return nil
}

// checkTimeout refuses what has no end that is waited for, when there has to be one.
func (l *limits) checkTimeout(c *Command) error {
	most := l[ofTime].most
	switch {
	case most == 0:
		return nil
	case among(making, c.Verb) && !c.Attached(), c.restarts():
		return &Denied{Key: "Options.Attach", Problem: "the policy limits the time of a run; only one that is attached and is not restarted can be held to it", Rule: "Limits.Timeout.Max"}
	case int64(c.Timeout) > most:
		return l.denied(ofTime, strconv.FormatFloat(c.Timeout.Seconds(), 'f', -1, 64))
	}
	return nil
}

func (l *limits) denied(r resource, value string) error {
	return &Denied{resources[r].key, value, "the policy's limit is " + l.text(r), "Limits." + resources[r].name + ".Max"}
}

// text is the highest that a resource may be, in the unit of its key.
func (l *limits) text(r resource) string {
	unit := 1.0
	if r == ofCPUs || r == ofTime {
		unit = 1e9
	}
	return strconv.FormatFloat(float64(l[r].most)/unit, 'f', -1, 64)
}

const (
	hardPids    = 512   // far more than a service has, and far fewer than a kernel
	hardLogSize = "10m" // of one file
	hardLogs    = "3"   // files
)

// hardenBody takes from a new container what it does not need, as far as the message, with the policy's grants, does not say otherwise.
func (c *Command) hardenBody() {
	opts, _ := at(c.Body, "HostConfig.SecurityOpt").([]any)
	if !mentions(opts, "no-new-privileges") {
		c.set("HostConfig.SecurityOpt", append(opts[:len(opts):len(opts)], "no-new-privileges"))
	}
	if at(c.Body, "HostConfig.Privileged") == nil {
		c.set("HostConfig.CapDrop", []string{"ALL"})
	}
	if c.number("HostConfig.PidsLimit") == 0 {
		c.set("HostConfig.PidsLimit", int64(hardPids))
	}
	driver := at(c.Body, "HostConfig.LogConfig.Type")
	if driver == nil {
		driver = "json-file"
		c.set("HostConfig.LogConfig.Type", driver)
	}
	opt, _ := at(c.Body, "HostConfig.LogConfig.Config").(map[string]any)
	if opt["max-size"] == nil && (driver == "json-file" || driver == "local") {
		c.set("HostConfig.LogConfig.Config.max-size", hardLogSize)
		if opt["max-file"] == nil {
			c.set("HostConfig.LogConfig.Config.max-file", hardLogs)
		}
	}
}

// mentions says whether a security option is in a list, with whatever value.
func mentions(opts []any, name string) bool {
	for _, opt := range opts {
		if len(textOf(opt)) >= len(name) && textOf(opt)[:len(name)] == name {
			return true
		}
	}
	return false
}
