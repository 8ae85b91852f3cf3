package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// realImage is what make image makes.
const realImage = "docker-dispatch/busybox"

// events are the containers of a label on the real Engine, as that tells of them while they come and go: nothing is asked of it
// meanwhile.
type events struct {
	docker, label string
	want          int
	cancel        context.CancelFunc
	ended         sync.WaitGroup

	mu          sync.Mutex
	created     int
	destroyed   int
	first, last time.Time // a create, a destruction
	err         error
}

// watchContainers begins to listen to the real Engine.
func watchContainers(docker, label string, want int) (*events, error) {
	ctx, cancel := context.WithCancel(context.Background())
	e := &events{docker: docker, label: label, want: want, cancel: cancel}
	query := url.Values{"filters": {`{"type":["container"],"label":["` + label + `"],"event":["create","destroy"]}`}}
	res, err := e.call(ctx, "GET", "/events?"+query.Encode())
	if err != nil {
		cancel()
		return nil, err
	}
	e.ended.Go(func() {
		defer res.Body.Close()
		e.listen(json.NewDecoder(res.Body))
	})
	return e, nil
}

// call makes a request to the real Engine.
func (e *events) call(ctx context.Context, method, target string) (*http.Response, error) {
	network, address, _ := strings.Cut(e.docker, "://")
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, address)
		},
	}}
	req, err := http.NewRequestWithContext(ctx, method, "http://docker/v1.41"+target, nil)
	if err != nil {
		return nil, err
	}
	res, err := client.Do(req)
	if err == nil && res.StatusCode >= 400 {
		res.Body.Close()
		err = fmt.Errorf("the real Engine: %s %s: %s", method, target, res.Status)
	}
	return res, err
}

func (e *events) listen(stream *json.Decoder) {
	for {
		var event struct {
			Action   string
			TimeNano int64
		}
		err := stream.Decode(&event)
		e.mu.Lock()
		switch at := time.Unix(0, event.TimeNano); {
		case err != nil:
			e.err = fmt.Errorf("the real Engine's events: %w", err)
			e.mu.Unlock()
			return
		case event.Action == "create":
			if e.created++; e.created == 1 {
				e.first = at
			}
		case event.Action == "destroy":
			e.destroyed++
			e.last = at
		}
		e.mu.Unlock()
	}
}

// done says whether all containers have come and gone.
func (e *events) done() (bool, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.destroyed >= e.want, e.err
}

func (e *events) counts() (created, destroyed int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.created, e.destroyed
}

// span is the time from the first container to the end of the last.
func (e *events) span() time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.last.Sub(e.first)
}

// close stops listening, and removes containers that a rival has left.
func (e *events) close() {
	e.cancel()
	e.ended.Wait()
	query := url.Values{"all": {"1"}, "filters": {`{"label":["` + e.label + `"]}`}}
	res, err := e.call(context.Background(), "GET", "/containers/json?"+query.Encode())
	if err != nil {
		return
	}
	defer res.Body.Close()
	var left []struct{ ID string }
	json.NewDecoder(res.Body).Decode(&left)
	for _, c := range left {
		if res, err := e.call(context.Background(), "DELETE", "/containers/"+c.ID+"?force=1&v=1"); err == nil {
			res.Body.Close()
		}
	}
}
