package main

import (
	"slices"
	"strings"
	"time"
)

// figure is something that is measured.
type figure struct {
	name     string
	what     string
	fixed    bool   // -messages changes nothing
	fragile  bool   // a rival may fail at a setting, which is then said
	absent   []kind // that have nothing to do with it
	values   []value
	settings []setting
	measure  func(b *bench, r *rival, s *setting) ([]float64, error) // in the order of values
}

// value is one of the numbers that a trial has.
type value struct {
	name   string
	unit   string
	digits int // behind the point
}

// setting is what a figure is measured at.
type setting struct {
	name string
	work
	rest  time.Duration // until what is at rest is looked at
	goals []goal        // of the values, in their order; the zero goal is none
}

// goal is what the program has to reach.
type goal struct {
	of    object
	most  bool // the limit is the most, else the least
	limit float64
}

// object is what a goal is about.
type object int

const (
	nothing object = iota
	ratio          // to the SDK loop as it comes, in the same round
	itself         // the value of the program
	toFloor        // the ratio to the floor, in the same round: not beyond the limit but for noise
)

var (
	none       = goal{}
	ratioMin   = func(limit float64) goal { return goal{ratio, false, limit} }
	ratioMax   = func(limit float64) goal { return goal{ratio, true, limit} }
	most       = func(limit float64) goal { return goal{itself, true, limit} }
	asTheFloor = goal{toFloor, false, 1}
)

// The units of values that are not counted.
const (
	kib = 1 << 10
	mib = 1 << 20
	mb  = 1e6
)

// curves is the figure that is plotted.
const curves = "curves"

// What containers do.
var (
	hello  = []string{"say", "hello"}
	echo   = []string{"echo", "hello"} // on a real Engine
	hold   = []string{"hold"}
	held   = []string{"say-hold", "hello"}
	gib    = []string{"lines", "16777216", "64"}
	mib20  = []string{"lines", "327680", "64"}
	asJSON = []string{"-o", "json"}
)

var rates = []value{{"messages a second", "/s", 0}, {"CPU per 1000 messages", "s", 3}, {"connections per message", "", 2}, {"peak memory", "MiB", 1}}

// figures are all that can be measured.
var figures = []*figure{
	{
		name: "instant", what: "messages whose containers cost nothing, until the last container is gone",
		absent: []kind{cli}, values: rates, measure: measureRate,
		settings: []setting{
			{name: "1 in flight", work: work{slots: 1, messages: 10000, cmd: hello}, goals: []goal{ratioMin(1.6), ratioMax(0.55), none, none}},
			{name: "16 in flight", work: work{slots: 16, messages: 10000, cmd: hello}, goals: []goal{ratioMin(1.6), ratioMax(0.40), most(1.1), none}},
			{name: "256 in flight", work: work{slots: 256, messages: 10000, cmd: hello}, goals: []goal{ratioMin(1.9), ratioMax(0.35), most(1.1), most(20)}},
		},
	},
	{
		name: "real", what: "messages on the real Engine, until the last container is gone",
		values:  []value{{"jobs a second", "/s", 2}, {"CPU per 1000 jobs", "s", 2}},
		measure: measureReal,
		settings: []setting{
			{name: "1 in flight", work: work{slots: 1, messages: 40, image: realImage, cmd: echo}, goals: []goal{asTheFloor, ratioMax(0.55)}},
			{name: "4 in flight", work: work{slots: 4, messages: 40, image: realImage, cmd: echo}, goals: []goal{asTheFloor, ratioMax(0.55)}},
			{name: "8 in flight", work: work{slots: 8, messages: 40, image: realImage, cmd: echo}, goals: []goal{asTheFloor, ratioMax(0.55)}},
		},
	},
	{
		name: "silent", what: "attached jobs that are silent: what each keeps in memory",
		absent: []kind{cli}, values: []value{{"memory a job", "KiB", 1}, {"descriptors a job", "", 2}}, measure: measureSilent,
		settings: []setting{
			{name: "from the start", work: work{slots: 1000, messages: 1000, cmd: hold}, rest: time.Second, goals: []goal{most(32), none}},
			{name: "after output", work: work{slots: 1000, messages: 1000, cmd: held}, rest: time.Second, goals: []goal{most(40), none}},
			{name: "after the claim", work: work{slots: 1000, messages: 1000, cmd: held}, rest: 15 * time.Second, goals: []goal{most(40), none}},
		},
	},
	{
		name: "output", what: "lines of 64 bytes through attach to a pipe", fixed: true,
		absent: []kind{cli, tuned}, values: []value{{"rate", "MB/s", 0}, {"CPU", "s", 2}, {"peak memory", "MiB", 1}}, measure: measureOutput,
		settings: []setting{
			{name: "1 GiB to text", work: work{slots: 1, messages: 1, cmd: gib}, goals: []goal{ratioMin(0.9), none, most(24)}},
			{name: "1 GiB to JSON", work: work{slots: 1, messages: 1, cmd: gib, args: asJSON}, goals: []goal{ratioMin(0.5), none, most(24)}},
			{name: "100 × 20 MiB to text", work: work{slots: 100, messages: 100, cmd: mib20}, goals: []goal{none, none, most(48)}},
			{name: "100 × 20 MiB to JSON", work: work{slots: 100, messages: 100, cmd: mib20, args: asJSON}, goals: []goal{none, none, most(48)}},
		},
	},
	{
		name: "start", what: "from exec, the median of 20 starts", fixed: true,
		absent: []kind{cli, tuned}, values: []value{{"until it consumes", "ms", 1}, {"until the first create", "ms", 1}}, measure: measureStart,
		settings: []setting{{name: "20 starts", work: work{slots: 16, messages: 20, cmd: hello}, goals: []goal{most(11), most(13)}}},
	},
	{
		name: "size", what: "the binary", fixed: true,
		absent: []kind{cli, tuned}, values: []value{{"size", "MB", 3}}, measure: measureSize,
		settings: []setting{{name: "file", goals: []goal{most(6.5)}}},
	},
	{
		name: curves, what: "as instant, by the number in flight", fragile: true,
		absent: []kind{cli, tuned}, values: rates, measure: measureRate,
		settings: []setting{
			{name: "1", work: work{slots: 1, messages: 10000, cmd: hello}},
			{name: "10", work: work{slots: 10, messages: 10000, cmd: hello}},
			{name: "100", work: work{slots: 100, messages: 10000, cmd: hello}},
			{name: "1000", work: work{slots: 1000, messages: 10000, cmd: hello}},
			{name: "10000", work: work{slots: 10000, messages: 20000, cmd: hello}},
		},
	},
}

func figureNames() string {
	var names []string
	for _, f := range figures {
		names = append(names, f.name)
	}
	return strings.Join(names, ", ")
}

// takesPart says whether the figure is about rivals of this kind.
func (f *figure) takesPart(k kind) bool { return !slices.Contains(f.absent, k) }
