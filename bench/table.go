package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// printTable prints the medians of a figure, a line each program and value.
func (b *bench) printTable(w io.Writer, f *figure) {
	fmt.Fprintf(w, "\n%s: %s\n\n", f.name, f.what)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	programs, others := b.sides(f)
	head := slices.Concat([]string{"setting", "value", "of", "median"}, others, []string{"to sdk", "min–max"})
	if len(programs) > 1 {
		head = append(head, "to "+programs[0], "min–max")
	}
	fmt.Fprintln(t, strings.Join(append(head, "target", "met"), "\t")+"\t")
	for i := range f.settings {
		s := &f.settings[i]
		for v := range f.values {
			for _, p := range programs {
				b.printRow(t, f, s, v, p, programs, others)
			}
		}
	}
	t.Flush()
	for which, why := range b.failed {
		if strings.HasPrefix(which, f.name+",") {
			fmt.Fprintf(w, "%s failed: %s\n", which, why)
		}
	}
}

// sides are the names of the program's builds, and of the others that take part.
func (b *bench) sides(f *figure) (programs, others []string) {
	for _, r := range b.rivals {
		switch {
		case r.kind == program:
			programs = append(programs, r.name)
		case f.takesPart(r.kind):
			others = append(others, r.name)
		}
	}
	return programs, others
}

func (b *bench) printRow(w io.Writer, f *figure, s *setting, v int, program string, programs, others []string) {
	value, ours := f.values[v], b.of(f, s, program, v)
	cells := []string{s.name, value.name, program, value.text(ours)}
	for _, o := range others {
		cells = append(cells, value.text(b.of(f, s, o, v)))
	}
	to := ratios(ours, b.of(f, s, "sdk", v))
	cells = append(cells, spread(to)...)
	if len(programs) > 1 {
		cells = append(cells, spread(ratios(ours, b.of(f, s, programs[0], v)))...)
	}
	g := none
	if s.goals != nil {
		g = s.goals[v]
	}
	cells = append(cells, g.text(value), g.verdict(ours, to, ratios(ours, b.of(f, s, "floor", v))))
	fmt.Fprintln(w, strings.Join(cells, "\t")+"\t")
}

// spread is the median of ratios, and the least and the greatest.
func spread(ratios []float64) []string {
	if len(ratios) == 0 {
		return []string{"-", "-"}
	}
	return []string{fmt.Sprintf("%.2f", median(ratios)), fmt.Sprintf("%.2f–%.2f", slices.Min(ratios), slices.Max(ratios))}
}

// text is the median with its unit; - of nothing.
func (v *value) text(all []float64) string {
	if len(all) == 0 {
		return "-"
	}
	return v.format(median(all))
}

func (v *value) format(x float64) string {
	return strings.TrimSpace(strconv.FormatFloat(x, 'f', v.digits, 64) + " " + v.unit)
}

func (g *goal) text(v value) string {
	sign := "≥ "
	if g.most {
		sign = "≤ "
	}
	switch g.of {
	case ratio:
		return sign + strconv.FormatFloat(g.limit, 'f', -1, 64) + " × sdk"
	case itself:
		return sign + strings.TrimSpace(strconv.FormatFloat(g.limit, 'f', -1, 64)+" "+v.unit)
	case toFloor:
		return sign + "floor's"
	}
	return ""
}

// verdict says whether the program has reached its goal.
func (g *goal) verdict(ours, toSDK, toTheFloor []float64) string {
	is := map[object][]float64{ratio: toSDK, itself: ours, toFloor: toTheFloor}[g.of]
	if len(is) == 0 {
		return ""
	}
	at := median(is)
	if g.of == toFloor { // noise: as far as rounds differ
		at = slices.Max(is)
		if g.most {
			at = slices.Min(is)
		}
	}
	if g.most == (at <= g.limit) || at == g.limit {
		return "yes"
	}
	return "NO"
}
