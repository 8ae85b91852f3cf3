package http1

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httputil"
	"slices"
	"strings"
	"testing"
)

// FuzzResponse holds this reader against net/http's: what is accepted here is accepted there, and means the same.
//
// The other way round net/http accepts more, and these are the allowed differences: it takes bare LF for CRLF, folded
// fields, several equal Content-Lengths, Content-Length beside chunked, Transfer-Encoding from HTTP/1.0 (ignored), a control
// character in a reason or a chunk extension, any blanks around the status code, any minor version, and has no limits on lines.
//
// In two things it refuses or hides what is accepted here: a Trailer field that announces a framing field is an error
// there, and nothing here, where trailer fields never become header fields (so inputs with a Trailer field are left out); and the
// Transfer-Encoding field itself is taken out of its Header.
func FuzzResponse(f *testing.F) {
	for _, tt := range respTests {
		if len(tt.raw) < 1<<10 { // long lines would only slow it down
			f.Add(tt.method == "HEAD", []byte(tt.raw))
		}
	}
	f.Fuzz(func(t *testing.T, head bool, raw []byte) {
		method := "GET"
		if head {
			method = "HEAD"
		}
		c, _ := answering(string(raw))
		got, body, err := read(c, method, io.ReadAll)
		sameInPieces(t, method, raw, got, body, err)
		if err != nil || got.Header.count("Trailer") > 0 {
			return
		}
		want, err := oracle(method, raw)
		if err != nil {
			t.Fatalf("accepted here, and there: %v\n%q", err, raw)
		}
		wantBody, err := io.ReadAll(want.Body)
		if err != nil {
			t.Fatalf("body %q accepted here, and there %q, %v\n%q", body, wantBody, err, raw)
		}
		if got.Status != want.StatusCode || !sameReason(got, want) || body != string(wantBody) {
			t.Errorf("%q\nhere  %d %q %q\nthere %q %q", raw, got.Status, got.Reason, body, want.Status, wantBody)
		}
		if !sameFields(got.Header, want.Header) || !sameFields(got.Trailer, want.Trailer) {
			t.Errorf("%q\nhere  %q and %q\nthere %q and %q", raw, got.Header, got.Trailer, want.Header, want.Trailer)
		}
	})
}

// sameInPieces wants the same of a response that comes a byte at a time.
func sameInPieces(t *testing.T, method string, raw []byte, want Response, wantBody string, wantErr error) {
	if len(raw) > 4096 {
		return // slow, and no different
	}
	c, _ := slowly(string(raw))
	got, body, err := read(c, method, io.ReadAll)
	if got.Status != want.Status || body != wantBody || (err == nil) != (wantErr == nil) {
		t.Errorf("%q\nat once        %d %q, %v\nbyte by byte   %d %q, %v", raw, want.Status, wantBody, wantErr, got.Status, body, err)
	}
}

// oracle reads interim responses and the final one.
func oracle(method string, raw []byte) (*http.Response, error) {
	r := bufio.NewReaderSize(bytes.NewReader(raw), 1<<20) // it wants a whole trailer section in the buffer
	for {
		resp, err := http.ReadResponse(r, &http.Request{Method: method})
		if err != nil || resp.StatusCode >= 200 {
			return resp, err
		}
	}
}

func sameReason(got Response, want *http.Response) bool {
	_, reason, _ := strings.Cut(want.Status, " ")
	return got.Reason == reason
}

// sameFields compares names regardless of case, and the values of each name in their order.
func sameFields(got Header, want http.Header) bool {
	have := http.Header{}
	for _, f := range got {
		have.Add(f.Name, f.Value)
	}
	have.Del("Transfer-Encoding")
	if len(have) != len(want) {
		return false
	}
	for name, values := range have {
		if !slices.Equal(values, want[name]) {
			return false
		}
	}
	return true
}

// FuzzChunked holds the chunked coding against net/http's reader, under reads of any size, and against what this
// client sends. The allowed differences: net/http takes control characters in extensions, blanks after a size and
// sizes of 16 digits.
func FuzzChunked(f *testing.F) {
	f.Add([]byte("5\r\nhello\r\n0\r\n\r\n"), uint16(1))
	f.Add([]byte("1;a=\"b;c\"\r\nx\r\n00a\r\n0123456789\r\n0\r\nA: b\r\n\r\n"), uint16(3))
	f.Add([]byte("fffffffffffffff\r\nx"), uint16(4000))
	f.Add([]byte("1\nx\n0\n\n"), uint16(2))
	f.Fuzz(func(t *testing.T, data []byte, size uint16) {
		if got, err := decode(string(data), size); err == nil {
			want, err := io.ReadAll(httputil.NewChunkedReader(bytes.NewReader(data)))
			if err != nil || got != string(want) {
				t.Errorf("%q in reads of %d\nhere  %q\nthere %q, %v", data, size, got, want, err)
			}
		} else if e := new(ProtocolError); !errors.As(err, e) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%q in reads of %d: %v", data, size, err)
		}
		sent := encode(t, data, size)
		if got, err := decode(sent, size); err != nil || got != string(data) {
			t.Errorf("%q in reads of %d\nsent as %q\nread as %q, %v", data, size, sent, got, err)
		}
	})
}

// decode reads a chunked body in reads of at most size bytes.
func decode(wire string, size uint16) (string, error) {
	c, _ := answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + wire)
	_, body, err := read(c, "GET", func(r io.Reader) ([]byte, error) {
		var body bytes.Buffer
		_, err := io.CopyBuffer(&body, struct{ io.Reader }{r}, make([]byte, max(1, size)))
		return body.Bytes(), err
	})
	return body, err
}

// encode is what the client sends for a Stream that is read in pieces of at most size bytes.
func encode(t *testing.T, data []byte, size uint16) string {
	c, conn := answering("HTTP/1.1 204 No Content\r\n\r\n")
	stream := inPieces{bytes.NewReader(data), int(max(1, size))}
	if _, err := c.Do(t.Context(), &Request{Method: "PUT", Target: "/", Stream: stream}); err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(conn.out.String(), "\r\n\r\n")
	return body
}

// inPieces is a reader that gives at most n bytes at a time.
type inPieces struct {
	r io.Reader
	n int
}

func (p inPieces) Read(b []byte) (int, error) { return p.r.Read(b[:min(len(b), p.n)]) }
