package cmds

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
)

// Combinations are cases of the oracle put together at random. What docker's CLI makes of each is kept in
// testdata/combinations.txt, a line each: the first half of the answer's SHA-256, or that it is refused, and the flags.
const (
	combinationsFile  = "testdata/combinations.txt"
	combinationsCount = 300
	combinationsSeed  = 28
)

// apart are flags that are not drawn together, because what they mean together is refused here and sent by docker's CLI, or is sent
// otherwise: see refusedHere and sentOtherwise, which have each of them with its values.
var apart = [][2]string{
	{"--memory", "--memory-reservation"},
	{"--memory", "--memory-swap"},
	{"--cpus", "--cpu-period"},
	{"--cpus", "--cpu-quota"},
	{"--attach", "--rm"}, // the dispatcher removes such a container, once its exit is known
}

// needsVersion is why an option is refused that the Engine is too old for. Some of them docker's CLI sends all the same.
const needsVersion = ": it needs API version"

func TestCombinations(t *testing.T) {
	if *update {
		writeCombinations(t)
	}
	data, err := os.ReadFile(combinationsFile)
	if err != nil {
		t.Fatal(err)
	}
	var cases []string
	golden := map[string]string{}
	for line := range strings.Lines(string(data)) {
		answer, c, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		cases = append(cases, c)
		golden[c] = answer
	}
	if len(golden) < combinationsCount {
		t.Errorf("%s has %d combinations, want %d", combinationsFile, len(golden), combinationsCount)
	}
	var asked map[string]string
	if cli := dockerCLI(t); cli != "" {
		asked = ask(cases, func(c string) string { return answerDocker(t, cli, c) })
	}
	for _, c := range cases {
		here := answerHere(t, c)
		if docker, ok := asked[c]; ok && digest(docker) != golden[c] {
			t.Errorf("%s\ndocker %s\nwhich is not what %s has", c, docker, combinationsFile)
		}
		if digest(here) != golden[c] && !strings.Contains(here, needsVersion) {
			t.Errorf("%s\ndocker %s %s\nhere   %s", c, golden[c], asked[c], here)
		}
	}
}

// digest is an answer's in combinations.txt.
func digest(answer string) string {
	if strings.HasPrefix(answer, "refused") {
		return "refused"
	}
	return fmt.Sprintf("%x", sha256.Sum256([]byte(answer)))[:16]
}

func writeCombinations(t *testing.T) {
	cli := dockerCLI(t)
	cases := drawCombinations(ask(oracleCases, func(c string) string { return answerDocker(t, cli, c) }))
	asked := ask(cases, func(c string) string { return answerDocker(t, cli, c) })
	var text strings.Builder
	for _, c := range cases {
		fmt.Fprintf(&text, "%s %s\n", digest(asked[c]), c)
	}
	if err := os.WriteFile(combinationsFile, []byte(text.String()), 0o666); err != nil {
		t.Fatal(err)
	}
}

// drawCombinations puts 2 to 12 cases together. Every tenth has one that is wrong, and every tenth is for an Engine that is old.
func drawCombinations(golden map[string]string) (drawn []string) {
	var happy, wrong []string
	for _, c := range oracleCases {
		switch {
		case strings.HasPrefix(c, "@"), slices.Contains(refusedHere, c), slices.Contains(sentOtherwise, c):
		case golden[c] == "refused":
			wrong = append(wrong, c)
		default:
			happy = append(happy, c)
		}
	}
	random := rand.New(rand.NewPCG(combinationsSeed, 0))
	for len(drawn) < combinationsCount {
		parts := []string{happy[random.IntN(len(happy))]}
		if len(drawn)%10 == 0 {
			parts[0] = wrong[random.IntN(len(wrong))]
		}
		for n := 2 + random.IntN(11); len(parts) < n; {
			if c := happy[random.IntN(len(happy))]; fitting(strings.Join(parts, " "), c) {
				parts = slices.Insert(parts, random.IntN(len(parts)+1), c)
			}
		}
		if len(drawn)%10 == 5 {
			parts[0] = "@1.41 " + parts[0]
		}
		if c := strings.Join(parts, " "); !slices.Contains(drawn, c) {
			drawn = append(drawn, c)
		}
	}
	return drawn
}

// fitting says whether a case may be added to others: it has no flag that is apart from one of theirs, nor one again that a message has
// once.
func fitting(others, c string) bool {
	_, theirs := splitCase(others)
	_, flags := splitCase(c)
	for _, flag := range flags {
		for _, other := range theirs {
			a, _, _ := strings.Cut(flag, "=")
			b, _, _ := strings.Cut(other, "=")
			if a == b && !repeats(a) || slices.Contains(apart, [2]string{a, b}) || slices.Contains(apart, [2]string{b, a}) {
				return false
			}
		}
	}
	return true
}

func repeats(flag string) bool {
	row := rowOf(nil, "run", optionName(flag[2:]))
	return row.kind == &kindStreams || row.kind.read == nil && row.kind.shape >= words
}
