package dockerapi

import (
	"context"
	"errors"
	"net/url"
	"time"
)

// Container is the part of an inspect's answer that is used.
type Container struct {
	ID    string `json:"Id"`
	Name  string // with a slash before it
	State struct {
		Status     string    // created, running, paused, restarting, removing, exited or dead
		ExitCode   int       // of the last run; 0 before the first
		Error      string    // why the last start has failed; "" when it has not
		OOMKilled  bool      // a process has been killed for want of memory, not always the one that has the exit code
		StartedAt  time.Time // of the last run; zero before the first
		FinishedAt time.Time // of the last run that has ended, by a hair before StartedAt at times; zero is none
	}
	Config struct {
		Labels    map[string]string
		Tty       bool // as Streams.Tty
		OpenStdin bool // its standard input waits for an attach
		StdinOnce bool // and ends with it
	}
	HostConfig struct {
		AutoRemove bool
		LogConfig  struct {
			Type string // the log driver: json-file, none …
		}
		RestartPolicy struct {
			Name string // no, always, unless-stopped or on-failure; "" is no
		}
	}
	RestartCount int // how often the policy has restarted it
}

// Created is a container that has been made.
type Created struct {
	ID       string   `json:"Id"`
	Warnings []string // what the Engine has left out of it, in its words
}

// Summary is a row of the list of containers.
type Summary struct {
	ID      string
	Names   []string          // each with a slash before it
	State   string            // as Container.State.Status
	Labels  map[string]string // those that were asked for
	Created int64             // Unix seconds
}

// ContainerCreate makes a container from body, the operation's request body. Platform, os/architecture, "" for any, is the
// image's. A name in use is *Error 409, a missing image 404.
func (c *Client) ContainerCreate(ctx context.Context, name, platform string, body map[string]any) (Created, error) {
	query := url.Values{"name": {name}}
	if platform != "" {
		query.Set("platform", platform)
	}
	var created Created
	err := c.do(ctx, containerCreate, args{query: query, body: body}, &created)
	if err == nil && created.ID == "" {
		err = errNoID(containerCreate)
	}
	return created, err
}

// errNoID is the error of an answer that does not say what has been made.
func errNoID(op call) error {
	return &Garbled{calls[op].operation, errors.New("the answer has no Id")}
}

// ContainerStart starts a container. One that runs already is none the worse; one that has ended runs again.
func (c *Client) ContainerStart(ctx context.Context, id string) error {
	return c.do(ctx, containerStart, args{id: id}, nil)
}

// ContainerInspect tells what has become of a container, by id or name. One that is not there is *Error 404.
func (c *Client) ContainerInspect(ctx context.Context, id string) (Container, error) {
	var container Container
	err := c.do(ctx, containerInspect, args{id: id}, &container)
	return container, err
}

// ContainerList lists the containers, in whatever state, that have all the labels, each as key or key=value; the newest
// first. Of the labels of each it brings those in keep.
func (c *Client) ContainerList(ctx context.Context, keep []string, labels ...string) (all []Summary, err error) {
	query := labelled(labels)
	query.Set("all", "1")
	err = c.list(ctx, containerList, query, keep, func(l *listing) error {
		return l.array(func() error {
			row, err := l.summary()
			all = append(all, row)
			return err
		})
	})
	return all, err
}

// summary reads a row.
func (l *listing) summary() (row Summary, err error) {
	err = l.object(func(key string) error {
		switch key {
		case "Id":
			return l.text(&row.ID)
		case "State":
			return l.text(&row.State)
		case "Created":
			return l.integer(&row.Created)
		case "Names":
			return l.texts(&row.Names)
		case "Labels":
			return l.labels(&row.Labels)
		}
		return l.skip()
	})
	return row, err
}

// ContainerRename gives a container another name. One in use is *Error 409, the one that it has 400.
func (c *Client) ContainerRename(ctx context.Context, id, name string) error {
	return c.do(ctx, containerRename, args{id: id, query: url.Values{"name": {name}}}, nil)
}

// ContainerStop sends the container its stop signal, kills it when it has not ended after t seconds, and returns when it
// has. Query: t, 10 by default, 0 kills at once, -1 waits for ever; signal, instead of the container's own, from API
// 1.42 on. One that has ended already is none the worse.
func (c *Client) ContainerStop(ctx context.Context, id string, query url.Values) error {
	return c.do(ctx, containerStop, args{id: id, query: query}, nil)
}

// ContainerDelete removes a container. Query: v, its anonymous volumes too; force, kill it first. One that runs, and one
// that is just being removed, are *Error 409.
func (c *Client) ContainerDelete(ctx context.Context, id string, query url.Values) error {
	return c.do(ctx, containerDelete, args{id: id, query: query}, nil)
}
