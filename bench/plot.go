package main

import (
	"fmt"
	"math"
	"os"
	"strings"
)

// The plot is a row of panels, one each value, with a line each rival.
const (
	panelWidth, panelHeight = 250, 180
	left, top               = 56, 44 // of a panel: the room for numbers, and for its title
	right, bottom           = 24, 64 // for the last number, and for numbers and the legend
)

// colours tell rivals apart, also for the colour-blind (Okabe and Ito); the program is the first.
var colours = []string{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"}

// plotted are the values of the figure curves that are shown.
var plotted = []int{0, 1, 3}

// writeSVG plots the figure curves, if that was measured.
func (b *bench) writeSVG(path string, f *figure) error {
	var s strings.Builder
	width := len(plotted) * (left + panelWidth + right)
	fmt.Fprintf(&s, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", width, top+panelHeight+bottom)
	fmt.Fprintf(&s, `<rect width="100%%" height="100%%" fill="white"/>`+"\n")
	for i, v := range plotted {
		fmt.Fprintf(&s, `<g transform="translate(%d,%d)">`+"\n", left+i*(left+panelWidth+right), top)
		b.panel(&s, f, v)
		s.WriteString("</g>\n")
	}
	b.legend(&s, f)
	s.WriteString("</svg>\n")
	return os.WriteFile(path, []byte(s.String()), 0o644)
}

// panel is one value: settings from left to right, evenly, and values from 0 up.
func (b *bench) panel(s *strings.Builder, f *figure, v int) {
	value := f.values[v]
	highest := 0.0
	for i := range f.settings {
		for _, r := range b.rivals {
			highest = max(highest, median(b.of(f, &f.settings[i], r.name, v)))
		}
	}
	step := niceStep(highest)
	scale := panelHeight / (math.Ceil(highest/step) * step)
	title := value.name
	if value.unit != "/s" {
		title += ", " + value.unit
	}
	fmt.Fprintf(s, `<text x="0" y="-20" font-weight="bold">%s</text>`+"\n", title)
	for y := 0.0; y <= highest+step*0.999; y += step {
		at := panelHeight - y*scale
		fmt.Fprintf(s, `<path d="M0 %.1fH%d" stroke="#ddd"/><text x="-6" y="%.1f" text-anchor="end">%g</text>`+"\n", at, panelWidth, at+4, round(y))
	}
	for i := range f.settings {
		fmt.Fprintf(s, `<text x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n", across(f, i), panelHeight+18, f.settings[i].name)
	}
	for i, name := range b.shown(f) {
		b.line(s, f, v, name, colours[i%len(colours)], scale)
	}
}

// line joins the medians of a rival; a setting at which it failed is left out.
func (b *bench) line(s *strings.Builder, f *figure, v int, rival, colour string, scale float64) {
	var points []string
	for i := range f.settings {
		if all := b.of(f, &f.settings[i], rival, v); len(all) > 0 {
			points = append(points, fmt.Sprintf("%.1f,%.1f", across(f, i), panelHeight-median(all)*scale))
		}
	}
	fmt.Fprintf(s, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`+"\n", strings.Join(points, " "), colour)
	for _, p := range points {
		x, y, _ := strings.Cut(p, ",")
		fmt.Fprintf(s, `<circle cx="%s" cy="%s" r="3" fill="%s"/>`+"\n", x, y, colour)
	}
}

func (b *bench) legend(s *strings.Builder, f *figure) {
	y := top + panelHeight + 46
	fmt.Fprintf(s, `<text x="%d" y="%d">messages in flight</text>`+"\n", left, y)
	for i, name := range b.shown(f) {
		x, colour := left+130+i*110, colours[i%len(colours)]
		fmt.Fprintf(s, `<path d="M%d %dh18" stroke="%s" stroke-width="2"/><text x="%d" y="%d">%s</text>`+"\n", x, y-4, colour, x+24, y, name)
	}
}

// shown are the rivals with a line.
func (b *bench) shown(f *figure) []string {
	programs, others := b.sides(f)
	return append(programs, others...)
}

// across is how far to the right a setting is.
func across(f *figure, i int) float64 {
	return panelWidth * (float64(i) + 0.25) / (float64(len(f.settings)) - 0.5)
}

// niceStep divides the way to the highest value into four to ten steps of 1, 2 or 5.
func niceStep(highest float64) float64 {
	if highest <= 0 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(highest))-1)
	for _, m := range []float64{1, 2, 5, 10, 20, 50} {
		if highest/(m*power) <= 6 {
			return m * power
		}
	}
	return 100 * power
}

// round takes the dirt of binary fractions from a number at the axis.
func round(x float64) float64 { return math.Round(x*1e6) / 1e6 }
