package http1

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"runtime"
	"strings"
	"testing"
)

// respTests are bytes in, head and body out. The corpus of FuzzResponse begins with them.
var respTests = []struct {
	name   string
	method string // GET where empty
	raw    string
	want   Response // without Body
	body   string
}{
	{name: "a length",
		raw:  "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 2\r\n\r\nOK",
		want: Response{Status: 200, Reason: "OK", Header: Header{{"Content-Type", "text/plain; charset=utf-8"}, {"Content-Length", "2"}}},
		body: "OK"},
	{name: "a length of nothing",
		raw:  "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
		want: Response{Status: 200, Reason: "OK", Header: Header{{"Content-Length", "0"}}}},
	{name: "a reason of several words, and bytes that are not ASCII",
		raw:  "HTTP/1.1 500 Internal \xe9 Error\r\nContent-Length: 0\r\nA: \xff\r\n\r\n",
		want: Response{Status: 500, Reason: "Internal \xe9 Error", Header: Header{{"Content-Length", "0"}, {"A", "\xff"}}}},
	{name: "no reason",
		raw:  "HTTP/1.1 204 \r\n\r\n",
		want: Response{Status: 204}},
	{name: "neither reason nor the blank before it",
		raw:  "HTTP/1.1 204\r\n\r\n",
		want: Response{Status: 204}},
	{name: "fields with blanks, without value, twice",
		raw: "HTTP/1.1 204 No Content\r\nA:b\r\na: \t c  d \t\r\nEmpty:\r\nX_!#$%&'*+-.^`|~9: :\r\n\r\n",
		want: Response{Status: 204, Reason: "No Content",
			Header: Header{{"A", "b"}, {"a", "c  d"}, {"Empty", ""}, {"X_!#$%&'*+-.^`|~9", ":"}}}},
	{name: "the connection's end",
		raw:  "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\nuntil\r\n\r\nclose",
		want: Response{Status: 200, Reason: "OK", Header: Header{{"Content-Type", "application/vnd.docker.raw-stream"}}},
		body: "until\r\n\r\nclose"},
	{name: "HTTP/1.0",
		raw:  "HTTP/1.0 200 OK\r\n\r\nold",
		want: Response{Status: 200, Reason: "OK"},
		body: "old"},
	{name: "chunks",
		raw:  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n00000B\r\n0123456789\n\r\n0\r\n\r\n",
		want: Response{Status: 200, Reason: "OK", Header: Header{{"Transfer-Encoding", "chunked"}}},
		body: "abc0123456789\n"},
	{name: "no chunk but the last",
		raw:  "HTTP/1.1 200 OK\r\nTransfer-Encoding: CHUNKED\r\n\r\n000\r\n\r\n",
		want: Response{Status: 200, Reason: "OK", Header: Header{{"Transfer-Encoding", "CHUNKED"}}}},
	{name: "chunk extensions and a trailer section",
		raw: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;a=b\r\nx\r\n1;c=\"d;e\" ; f\r\ny\r\n0;last\r\nSum: 2\r\nContent-Length: 9\r\n\r\n",
		want: Response{Status: 200, Reason: "OK", Header: Header{{"Transfer-Encoding", "chunked"}},
			Trailer: Header{{"Sum", "2"}, {"Content-Length", "9"}}},
		body: "xy"},
	{name: "HEAD of a length", method: "HEAD",
		raw:  "HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n",
		want: Response{Status: 200, Reason: "OK", Header: Header{{"Content-Length", "1000000000000"}}}},
	{name: "HEAD of chunks", method: "HEAD",
		raw:  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
		want: Response{Status: 200, Reason: "OK", Header: Header{{"Transfer-Encoding", "chunked"}}}},
	{name: "204 with the length of another",
		raw:  "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n",
		want: Response{Status: 204, Reason: "No Content", Header: Header{{"Content-Length", "5"}}}},
	{name: "304",
		raw:  "HTTP/1.1 304 Not Modified\r\n\r\n",
		want: Response{Status: 304, Reason: "Not Modified"}},
	{name: "interim responses",
		raw: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\nx",
		want: Response{Status: 201, Reason: "Created",
			Header: Header{{"Content-Length", "1"}}},
		body: "x"},
	{name: "a status that nobody knows",
		raw:  "HTTP/1.1 999 Own Idea\r\nContent-Length: 0\r\n\r\n",
		want: Response{Status: 999, Reason: "Own Idea", Header: Header{{"Content-Length", "0"}}}},
	{name: "the longest lines",
		raw: "HTTP/1.1 200 " + strings.Repeat("r", maxStatusLine-len("HTTP/1.1 200 \r\n")) + "\r\nContent-Length: 0\r\n" +
			"A: " + strings.Repeat("v", maxFieldLine-len("A: \r\n")) + "\r\n\r\n",
		want: Response{Status: 200, Reason: strings.Repeat("r", maxStatusLine-len("HTTP/1.1 200 \r\n")),
			Header: Header{{"Content-Length", "0"}, {"A", strings.Repeat("v", maxFieldLine-len("A: \r\n"))}}}},
	{name: "the longest chunk line",
		raw:  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;" + strings.Repeat("e", maxChunkLine-len("1;\r\n")) + "\r\nx\r\n0\r\n\r\n",
		want: Response{Status: 200, Reason: "OK", Header: Header{{"Transfer-Encoding", "chunked"}}},
		body: "x"},
}

// read is one exchange: what a caller sees of raw.
func read(c *Client, method string, readBody func(io.Reader) ([]byte, error)) (Response, string, error) {
	if method == "" {
		method = "GET"
	}
	resp, err := c.Do(context.Background(), &Request{Method: method, Target: "/"})
	if err != nil {
		return Response{}, "", err
	}
	defer resp.Body.Close()
	body, err := readBody(resp.Body)
	seen := *resp
	seen.Body, seen.minor, seen.tied = nil, 0, nil
	return seen, string(body), err
}

func TestResponses(t *testing.T) {
	for _, tt := range respTests {
		t.Run(tt.name, func(t *testing.T) {
			for _, how := range readings {
				c, _ := how.client(tt.raw)
				got, body, err := read(c, tt.method, how.body)
				if err != nil || body != tt.body || !reflect.DeepEqual(got, tt.want) {
					t.Errorf("%s: %.300q\ngot  %.300q %.300q, %v\nwant %.300q %.300q", how.name, tt.raw, fmt.Sprint(got), body, err, fmt.Sprint(tt.want), tt.body)
				}
			}
		})
	}
}

// readings are the ways in which bytes may come and be taken.
var readings = []struct {
	name   string
	client func(string) (*Client, *fixed)
	body   func(io.Reader) ([]byte, error)
}{
	{"at once", answering, io.ReadAll},
	{"a byte at a time", slowly, io.ReadAll},
	{"read by bytes", answering, readByBytes},
}

func readByBytes(r io.Reader) ([]byte, error) {
	var body []byte
	for {
		var p [1]byte
		n, err := r.Read(p[:])
		body = append(body, p[:n]...)
		if err == io.EOF {
			return body, nil
		}
		if err != nil {
			return body, err
		}
	}
}

// A response that is cut anywhere is never taken for a whole one.
func TestCutAnywhere(t *testing.T) {
	for _, tt := range respTests {
		end := len(tt.raw)
		if !strings.Contains(tt.raw, "Content-Length") && !strings.Contains(tt.raw, "Transfer-Encoding") {
			end = strings.Index(tt.raw, "\r\n\r\n") + 4 // beyond it the connection's end is the body's
		}
		step := max(1, end/500)
		for n := 0; n < end; n += step {
			c, conn := answering(tt.raw[:n])
			_, body, err := read(c, tt.method, io.ReadAll)
			var e *Error
			if !errors.As(err, &e) || e.Op != "read" || !e.Sent || !errors.Is(err, io.ErrUnexpectedEOF) || !strings.HasPrefix(tt.body, body) || conn.closed == 0 {
				t.Errorf("%s: cut after %d of %d bytes: body %q, %v, closed %d times", tt.name, n, len(tt.raw), body, err, conn.closed)
			}
		}
	}
}

func TestRefused(t *testing.T) {
	const ok, coded = "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	long := strings.Repeat("x", maxFieldLine)
	many := strings.Repeat("A: "+strings.Repeat("v", 8<<10)+"\r\n", 8)
	for _, tt := range []struct{ name, raw, want string }{
		// Status line.
		{"another protocol", "ICY 200 OK\r\n\r\n", `status line "ICY 200 OK" is not of HTTP/1.1 or HTTP/1.0`},
		{"HTTP/2", "HTTP/2.0 200 OK\r\n\r\n", `status line "HTTP/2.0 200 OK" is not of HTTP/1.1 or HTTP/1.0`},
		{"HTTP/1.2", "HTTP/1.2 200 OK\r\n\r\n", `status line "HTTP/1.2 200 OK" is not of HTTP/1.1 or HTTP/1.0`},
		{"small letters", "http/1.1 200 OK\r\n\r\n", `status line "http/1.1 200 OK" is not of HTTP/1.1 or HTTP/1.0`},
		{"an empty line first", "\r\nHTTP/1.1 200 OK\r\n\r\n", `status line "" is not of HTTP/1.1 or HTTP/1.0`},
		{"a bare LF first", "\n", `bare LF after the status line "\n"`},
		{"no status", "HTTP/1.1\r\n\r\n", `status line "HTTP/1.1"`},
		{"two blanks", "HTTP/1.1  200 OK\r\n\r\n", `status line "HTTP/1.1  200 OK"`},
		{"a short status", "HTTP/1.1 20 OK\r\n\r\n", `status line "HTTP/1.1 20 OK"`},
		{"a long status", "HTTP/1.1 2000 OK\r\n\r\n", `status line "HTTP/1.1 2000 OK"`},
		{"a signed status", "HTTP/1.1 +20 OK\r\n\r\n", `status line "HTTP/1.1 +20 OK"`},
		{"a status under 100", "HTTP/1.1 099 OK\r\n\r\n", `status line "HTTP/1.1 099 OK"`},
		{"a control character in the reason", "HTTP/1.1 200 O\x00K\r\n\r\n", `status line "HTTP/1.1 200 O\x00K"`},
		{"a bare LF after the status line", "HTTP/1.1 200 OK\n\r\n", `bare LF after the status line "HTTP/1.1 200 OK\n"`},
		{"a bare CR in the status line", "HTTP/1.1 200\rOK\r\n\r\n", `bare CR in the status line "HTTP/1.1 200\rOK\r\n"`},
		{"a status line without end", "HTTP/1.1 200 " + long, "status line of more than 8192 bytes"},
		// Fields.
		{"a folded field", ok + "A: b\r\n c\r\n\r\n", `folded field line " c"`},
		{"a folded first field", ok + "\tA: b\r\n\r\n", `folded field line "\tA: b"`},
		{"a blank before the colon", ok + "Content-Length : 5\r\n\r\n", `field name "Content-Length " is not a token`},
		{"no colon", ok + "A b\r\n\r\n", `field line without colon "A b"`},
		{"no name", ok + ": b\r\n\r\n", `field name "" is not a token`},
		{"a name that is no token", ok + "A\"B: c\r\n\r\n", `field name "A\"B" is not a token`},
		{"a name that is not ASCII", ok + "\xc3\xa4: c\r\n\r\n", `field name "ä" is not a token`},
		{"NUL in a value", ok + "A: b\x00c\r\n\r\n", `control character in the field A: " b\x00c"`},
		{"DEL in a value", ok + "A: b\x7f\r\n\r\n", `control character in the field A: " b\x7f"`},
		{"a bare LF in the fields", ok + "A: b\nContent-Length: 5\r\n\r\n", `bare LF after the field line "A: b\n"`},
		{"a bare LF as the empty line", ok + "A: b\r\n\n", `bare LF after the field line "\n"`},
		{"a bare CR in a field", ok + "A: b\rContent-Length: 5\r\n\r\n", `bare CR in the field line "A: b\rContent-Length: 5\r\n"`},
		{"two CR", ok + "A: b\r\r\n\r\n", `bare CR in the field line "A: b\r\r\n"`},
		{"a field line without end", ok + "A: " + long, "field line of more than 16384 bytes"},
		{"fields without end", ok + many + "\r\n", "fields of more than 65536 bytes"},
		// Framing.
		{"two lengths", ok + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", "more than one Content-Length"},
		{"a length twice", ok + "Content-Length: 5\r\ncontent-length: 5\r\n\r\nhello", "more than one Content-Length"},
		{"a list of lengths", ok + "Content-Length: 5, 5\r\n\r\nhello", `Content-Length "5, 5" is not a length`},
		{"a positive length", ok + "Content-Length: +5\r\n\r\nhello", `Content-Length "+5" is not a length`},
		{"a negative length", ok + "Content-Length: -5\r\n\r\nhello", `Content-Length "-5" is not a length`},
		{"minus zero", ok + "Content-Length: -0\r\n\r\n", `Content-Length "-0" is not a length`},
		{"a blank in the length", ok + "Content-Length: 5 5\r\n\r\nhello", `Content-Length "5 5" is not a length`},
		{"an empty length", ok + "Content-Length:\r\n\r\nhello", `Content-Length "" is not a length`},
		{"a hex length", ok + "Content-Length: 0x5\r\n\r\nhello", `Content-Length "0x5" is not a length`},
		{"a length past all numbers", ok + "Content-Length: 9223372036854775808\r\n\r\n", `Content-Length "9223372036854775808" is not a length`},
		{"a bad length of no body", "HTTP/1.1 204 No Content\r\nContent-Length: x\r\n\r\n", `Content-Length "x" is not a length`},
		{"length and coding", ok + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "both Content-Length and Transfer-Encoding"},
		{"another coding", ok + "Transfer-Encoding: gzip\r\n\r\n", `Transfer-Encoding "gzip" is not chunked`},
		{"two codings", ok + "Transfer-Encoding: gzip, chunked\r\n\r\n", `Transfer-Encoding "gzip, chunked" is not chunked`},
		{"chunked twice", ok + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", `Transfer-Encoding "chunked" is not chunked`},
		{"identity", ok + "Transfer-Encoding: identity\r\n\r\n", `Transfer-Encoding "identity" is not chunked`},
		{"an empty coding", ok + "Transfer-Encoding:\r\n\r\n", `Transfer-Encoding "" is not chunked`},
		{"a coding in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "Transfer-Encoding in HTTP/1.0"},
		{"101 unasked", "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n", "101 to a request that asked for no upgrade"},
		{"interim responses without end", strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 11), "more than 10 interim responses"},
		// Chunks.
		{"a size that is no number", coded + "x\r\n", `chunk line "x"`},
		{"no size", coded + "\r\n", `chunk line ""`},
		{"no size before extensions", coded + ";a\r\n", `chunk line ";a"`},
		{"a negative size", coded + "-1\r\n", `chunk line "-1"`},
		{"a size with prefix", coded + "0x1\r\nx\r\n", `chunk line "0x1"`},
		{"a blank before the size", coded + " 1\r\nx\r\n", `chunk line " 1"`},
		{"a blank after the size", coded + "1 \r\nx\r\n", `chunk line "1 "`},
		{"a size past all numbers", coded + "1000000000000000\r\n", `chunk line "1000000000000000"`},
		{"a bare LF after the size", coded + "1\nx\r\n", `bare LF after the chunk line "1\n"`},
		{"a bare CR in an extension", coded + "1;a\rb\r\nx\r\n", `bare CR in the chunk line "1;a\rb\r\n"`},
		{"a control character in an extension", coded + "1;\x00\r\nx\r\n", `chunk line "1;\x00"`},
		{"data longer than the chunk", coded + "1\r\nxy\r\n0\r\n\r\n", `"y\r" after a chunk's data`},
		{"a bare LF after the data", coded + "1\r\nx\n0\r\n\r\n", `"\n0" after a chunk's data`},
		{"a bare CR after the data", coded + "1\r\nx\r0\r\n\r\n", `"\r0" after a chunk's data`},
		{"a chunk line without end", coded + "1;" + long, "chunk line of more than 4096 bytes"},
		{"extensions without end", coded + strings.Repeat("1;"+strings.Repeat("e", 4000)+"\r\nx\r\n", 5), "chunk extensions of more than 16384 bytes beyond the data"},
		{"a folded trailer field", coded + "0\r\nA: b\r\n c\r\n\r\n", `folded field line " c"`},
		{"a trailer field without colon", coded + "0\r\nA b\r\n\r\n", `field line without colon "A b"`},
		{"trailer fields without end", coded + "0\r\n" + many + "\r\n", "fields of more than 65536 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, how := range readings[:2] {
				c, conn := how.client(tt.raw)
				_, _, err := read(c, "GET", how.body)
				var e *Error
				var p ProtocolError
				if !errors.As(err, &e) || e.Op != "read" || !errors.As(err, &p) {
					t.Fatalf("%s: %.200q: %v", how.name, tt.raw, err)
				}
				got := string(p)
				if how.name != "at once" && strings.HasSuffix(tt.want, "after a chunk's data") {
					got = tt.want // what of it has come is shown
				}
				if got != tt.want {
					t.Errorf("%s: %.200q\ngot  %s\nwant %s", how.name, tt.raw, got, tt.want)
				}
				if conn.closed == 0 || len(c.idle) > 0 {
					t.Errorf("%s: the connection lives on", how.name)
				}
			}
		})
	}
}

// The text of a protocol error is bounded whatever the peer sent.
func TestProtocolErrorIsShort(t *testing.T) {
	c, _ := answering("HTTP/1.1 " + strings.Repeat("\x00", maxStatusLine/2) + "\r\n\r\n")
	_, _, err := read(c, "GET", io.ReadAll)
	if err == nil || len(err.Error()) > 500 {
		t.Errorf("%d bytes: %v", len(err.Error()), err)
	}
}

// A stream of one-byte chunks is honest however long it is, and so are padded sizes.
func TestSmallChunks(t *testing.T) {
	const n = 20000
	for _, chunk := range []string{"1\r\nx\r\n", "00000001\r\nx\r\n", "1;a=b\r\nx\r\n"} {
		c, _ := answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat(chunk, n) + "0\r\n\r\n")
		_, body, err := read(c, "GET", io.ReadAll)
		if err != nil || body != strings.Repeat("x", n) {
			t.Errorf("%q: %d bytes, %v", chunk, len(body), err)
		}
	}
}

// A chunk's data is given out before anything that follows it has come.
func TestChunkIsNotHeldBack(t *testing.T) {
	fresh, more := io.Pipe()
	go more.Write([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello"))
	resp, err := dialing(&fixed{in: fresh}).Do(t.Context(), &Request{Method: "GET", Target: "/"})
	if err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 100)
	n, err := resp.Body.Read(got)
	if !bytes.Equal(got[:n], []byte("hello")) || err != nil {
		t.Errorf("got %q, %v", got[:n], err)
	}
	resp.Body.Close()
}

// Announced sizes take no memory.
func TestAnnouncedSizes(t *testing.T) {
	for _, raw := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775807\r\n\r\nx",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffff\r\nx",
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		c, _ := answering(raw)
		if _, body, err := read(c, "GET", io.ReadAll); body != "x" || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("%q, %v", body, err)
		}
		runtime.ReadMemStats(&after)
		allocated := after.TotalAlloc - before.TotalAlloc
		if allocated > 64<<10 {
			t.Errorf("%q: %d bytes allocated", raw, allocated)
		}
	}
}

// A Read brings the short chunks that are at hand, and asks the connection for no more: here it would meet the end.
func TestChunksAtHand(t *testing.T) {
	for _, tt := range []struct{ chunks, want string }{
		{"5\r\nhello\r\n6\r\n world\r\n", "hello world"},
		{"5\r\nhello\r\n6\r\n wo", "hello wo"},
		{"5\r\nhello\r\n6\r\n", "hello"},
		{"5\r\nhello\r\n6\r", "hello"},
		{"5\r\nhello\r\n6", "hello"},
		{"5\r\nhello\r\n", "hello"},
		{"5\r\nhello\r", "hello"},
		{"5\r\nhello", "hello"},
		{"5\r\nhel", "hel"},
		{"5\r\nhello\r\n0\r\n\r\n", "hello"},
		{"5\r\nhello\r\n0", "hello"},
		{"5;a=b\r\nhello\r\n1;c\r\n!\r\n", "hello!"},
	} {
		c, _ := answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + tt.chunks)
		resp, err := c.Do(t.Context(), &Request{Method: "GET", Target: "/"})
		if err != nil {
			t.Fatal(err)
		}
		p := make([]byte, 100)
		n, err := resp.Body.Read(p)
		if string(p[:n]) != tt.want || err != nil {
			t.Errorf("%q: read %q, %v, want %q", tt.chunks, p[:n], err, tt.want)
		}
		resp.Body.Close()
	}
}
