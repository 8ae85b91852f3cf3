package main

import (
	"fmt"
	"os"
	"slices"
)

// result is what one trial has measured.
type result struct {
	Figure  string
	Setting string
	Rival   string
	Round   int // from 1
	Values  []float64
}

// measure has all rivals do a figure, round by round: A B C, C B A, so that what changes with time changes for all.
func (b *bench) measure(f *figure) error {
	for round := range b.rounds {
		for i := range f.settings {
			s := f.settings[i]
			if b.messages > 0 && !f.fixed {
				s.messages = b.messages
			}
			if err := b.inTurn(f, &s, round+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// inTurn has each rival do one setting once.
func (b *bench) inTurn(f *figure, s *setting, round int) error {
	order := slices.Clone(b.rivals)
	if round%2 == 0 {
		slices.Reverse(order)
	}
	for i := range order {
		r := &order[i]
		which := f.name + ", " + s.name + ", " + r.name
		if !f.takesPart(r.kind) || b.failed[which] != "" {
			continue
		}
		values, err := f.measure(b, r, s)
		if err != nil && f.fragile && r.kind != program {
			b.failed[which] = err.Error()
			fmt.Fprintf(os.Stderr, "%s: %v\n", which, err)
			continue
		}
		if err != nil {
			return fmt.Errorf("%s, %s: %w", s.name, r.name, err)
		}
		fmt.Fprintf(os.Stderr, "%s, %s, round %d: %s %.4g\n", f.name, s.name, round, r.name, values)
		b.results = append(b.results, result{f.name, s.name, r.name, round, values})
	}
	return nil
}

// of are the values of a rival, one a round.
func (b *bench) of(f *figure, s *setting, rival string, value int) (all []float64) {
	for _, r := range b.results {
		if r.Figure == f.name && r.Setting == s.name && r.Rival == rival {
			all = append(all, r.Values[value])
		}
	}
	return all
}

// median is 0 of nothing.
func median(values []float64) float64 {
	n := len(values)
	if n == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// ratios are those of two rivals, round by round.
func ratios(a, b []float64) (all []float64) {
	for i := range min(len(a), len(b)) {
		all = append(all, a[i]/b[i])
	}
	return all
}
