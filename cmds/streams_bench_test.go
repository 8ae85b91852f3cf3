package cmds

import (
	"io"
	"strings"
	"testing"

	"docker-dispatch/dockerapi"
)

// BenchmarkStreams prints 1 MiB of lines, in the pieces of 32 KiB that an attach brings.
func BenchmarkStreams(b *testing.B) {
	for _, format := range []string{"text", "json"} {
		for name, line := range map[string]string{
			"lines of 64":    strings.Repeat("x", 63) + "\n",
			"lines of 4096":  strings.Repeat("x", 4095) + "\n",
			"JSON of 64":     `{"level":"info","message":"a line of a \u00e9 log","answer":42}` + "\n",
			"escaped of 64":  strings.Repeat("é\x1b\"x", 12) + "abc\n",
			"no line at all": strings.Repeat("x", 64),
		} {
			b.Run(format+"/"+name, func(b *testing.B) {
				data := []byte(strings.Repeat(line, (32<<10)/len(line)))
				p := NewPrinter(io.Discard, format)
				defer p.Close(b.Context())
				s := &Streams{printer: p}
				s.Container(testID, "bench")
				b.SetBytes(int64(len(data)))
				b.ReportAllocs()
				for b.Loop() {
					if err := s.Write(b.Context(), dockerapi.Stdout, data); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
