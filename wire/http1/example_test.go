package http1_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"

	"docker-dispatch/wire/http1"
)

// peer answers one request on an in-memory connection, where a program would dial.
func peer(answer string) func(context.Context) (net.Conn, error) {
	return func(context.Context) (net.Conn, error) {
		client, server := net.Pipe()
		go func() {
			defer server.Close()
			r := bufio.NewReader(server)
			for line := "-"; line != "\r\n"; {
				line, _ = r.ReadString('\n')
			}
			io.WriteString(server, answer)
			io.Copy(server, r)
		}()
		return client, nil
	}
}

func ExampleClient_Do() {
	client := &http1.Client{
		Host: "docker",
		Dial: peer("HTTP/1.1 200 OK\r\nOstype: linux\r\nContent-Length: 2\r\n\r\nOK"),
	}
	defer client.CloseIdle()
	resp, err := client.Do(context.Background(), &http1.Request{Method: "GET", Target: "/_ping"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	fmt.Println(resp.Status, resp.Reason, resp.Header.Get("OSType"), string(body), err)
	// Output: 200 OK linux OK <nil>
}

func ExampleClient_Hijack() {
	client := &http1.Client{
		Host: "docker",
		Dial: peer("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nhello, "),
	}
	resp, conn, err := client.Hijack(context.Background(), &http1.Request{Method: "POST", Target: "/exec/x/start"})
	if err != nil || conn == nil {
		fmt.Println(resp, err)
		return
	}
	defer conn.Close()
	io.WriteString(conn, "echo")
	said := make([]byte, len("hello, echo"))
	_, err = io.ReadFull(conn, said)
	fmt.Println(resp.Status, string(said), err)
	// Output: 101 hello, echo <nil>
}
