package http1

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"docker-dispatch/wire/wiretest"
)

// TestTLS has one connection for two requests, and then one that is handed over, whose directions end one after the other.
func TestTLS(t *testing.T) {
	authority := wiretest.NewAuthority(t, t.TempDir())
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") == "" {
			io.WriteString(w, "plain")
			return
		}
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		io.WriteString(conn, "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nhello, ")
		io.Copy(conn, rw) // to the end of the client's direction
		io.WriteString(conn, ", and bye")
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{authority.Issue("server", nil).Load(t)}}
	server.StartTLS()
	defer server.Close()

	var dials atomic.Int32
	config := &tls.Config{RootCAs: authority.Pool(), ServerName: "localhost"}
	client := &Client{Host: "engine", Dial: func(ctx context.Context) (net.Conn, error) {
		dials.Add(1)
		return (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", server.Listener.Addr().String())
	}}
	defer client.CloseIdle()
	for range 2 {
		resp, err := client.Do(t.Context(), &Request{Method: "GET", Target: "/"})
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(resp.Body); string(body) != "plain" || err != nil {
			t.Errorf("got %q, %v", body, err)
		}
		resp.Body.Close()
	}
	if n := dials.Load(); n != 1 {
		t.Errorf("two requests took %d connections", n)
	}
	_, conn, err := client.Hijack(t.Context(), &Request{Method: "POST", Target: "/attach"})
	if err != nil || conn == nil {
		t.Fatal(conn, err)
	}
	defer conn.Close()
	io.WriteString(conn, "world")
	if err := conn.CloseWrite(); err != nil {
		t.Error(err)
	}
	if all, err := io.ReadAll(conn); string(all) != "hello, world, and bye" || err != nil {
		t.Errorf("got %q, %v", all, err)
	}
}
