package main

import (
	"strings"
)

// figure is something that is measured.
type figure struct {
	name     string
	what     string
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
	name     string
	slots    int
	messages int
	cmd      []string
	args     []string
	goals    []goal // of the values, in their order; the zero goal is none
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
	toFloor        // the ratio to the floor, in the same round: not beyond 1 but for noise
)

var (
	none     = goal{}
	ratioMin = func(limit float64) goal { return goal{ratio, false, limit} }
	ratioMax = func(limit float64) goal { return goal{ratio, true, limit} }
	most     = func(limit float64) goal { return goal{itself, true, limit} }
)

var hello = []string{"say", "hello"}

// figures are all that can be measured.
var figures = []*figure{
	{
		name: "instant", what: "messages whose containers cost nothing",
		values: []value{{"messages a second", "/s", 0}, {"CPU per 1000 messages", "s", 3}, {"connections per message", "", 2}, {"peak memory", "MiB", 1}},
		settings: []setting{
			{name: "1 in flight", slots: 1, messages: 10000, cmd: hello, goals: []goal{ratioMin(1.6), ratioMax(0.55), none, none}},
			{name: "16 in flight", slots: 16, messages: 10000, cmd: hello, goals: []goal{ratioMin(1.6), ratioMax(0.40), most(1.1), none}},
			{name: "256 in flight", slots: 256, messages: 10000, cmd: hello, goals: []goal{ratioMin(1.9), ratioMax(0.35), most(1.1), most(20)}},
		},
		measure: measureInstant,
	},
}

func figureNames() string {
	var names []string
	for _, f := range figures {
		names = append(names, f.name)
	}
	return strings.Join(names, ", ")
}

func measureInstant(b *bench, r *rival, s *setting) ([]float64, error) {
	t, err := b.begin(r, work{slots: s.slots, messages: s.messages, cmd: s.cmd, args: s.args})
	if err != nil {
		return nil, err
	}
	defer t.close()
	if err := t.awaitRemoval(); err != nil {
		return nil, err
	}
	cpu, err := t.process.cpu()
	if err != nil {
		return nil, err
	}
	_, peak, err := t.process.memory()
	if err != nil {
		return nil, err
	}
	if err := t.end(); err != nil {
		return nil, err
	}
	stats, n := t.engine.Stats(), float64(s.messages)
	return []float64{
		n / stats.LastDelete.Sub(stats.FirstCreate).Seconds(),
		cpu.Seconds() / n * 1000,
		float64(stats.Accepted) / n,
		peak / 1024,
	}, t.said("hello")
}
