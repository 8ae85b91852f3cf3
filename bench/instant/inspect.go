package instant

import (
	"encoding/json"
	"strings"
	"time"
)

// never is the time of what has not happened, as Engines write it.
const never = "0001-01-01T00:00:00Z"

func when(t time.Time) string {
	if t.IsZero() {
		return never
	}
	return t.UTC().Format(time.RFC3339Nano)
}

type state struct {
	Status                                       string
	Running, Paused, Restarting, OOMKilled, Dead bool
	Pid, ExitCode                                int
	Error                                        string
	StartedAt, FinishedAt                        string
}

type inspected struct {
	ID           string `json:"Id"`
	Created      string
	Path         string
	Args         []string
	State        state
	Image        string
	Name         string
	RestartCount int
	HostConfig   struct {
		LogConfig     struct{ Type string }
		NetworkMode   string
		RestartPolicy struct {
			Name              string
			MaximumRetryCount int
		}
		AutoRemove bool
	}
	Config struct {
		Tty, OpenStdin, StdinOnce bool
		Cmd                       []string
		Image                     string
		Labels                    map[string]string
	}
}

func (x *exchange) inspect(id string) bool {
	x.engine.mu.Lock()
	defer x.engine.mu.Unlock()
	c := x.find(id)
	if c == nil {
		return false
	}
	i := inspected{
		ID: c.id, Created: when(c.created), Path: c.config.Cmd[0], Args: c.config.Cmd[1:], Image: c.config.Image, Name: "/" + c.name,
		State: state{Status: c.state, Running: c.state == "running", ExitCode: c.code, StartedAt: when(c.started), FinishedAt: when(c.finished)},
	}
	i.HostConfig.LogConfig.Type, i.HostConfig.NetworkMode, i.HostConfig.AutoRemove = "json-file", "default", c.remove
	i.Config.Cmd, i.Config.Image, i.Config.Labels = c.config.Cmd, c.config.Image, c.labels()
	body, err := json.Marshal(i)
	if err != nil {
		panic(err) // the values are ours
	}
	x.chunked("Content-Type: application/json\r\n") // an Engine's is long
	x.chunk(append(body, '\n'))
	x.end()
	return true
}

// labels are never null in an answer.
func (c *container) labels() map[string]string {
	if c.config.Labels == nil {
		return map[string]string{}
	}
	return c.config.Labels
}

type summary struct {
	ID      string `json:"Id"`
	Names   []string
	Image   string
	Command string
	Created int64
	Labels  map[string]string
	State   string
	Status  string
}

// list has the containers that run, or all.
func (x *exchange) list(string) bool {
	wanted, ok := x.labels()
	if !ok {
		return false
	}
	all := x.isSet("all")
	e, rows := x.engine, []summary{}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, c := range e.containers {
		if (all || c.state == "running") && has(c.config.Labels, wanted) {
			rows = append(rows, summary{
				c.id, []string{"/" + c.name}, c.config.Image, strings.Join(c.config.Cmd, " "), c.created.Unix(), c.labels(), c.state, c.state,
			})
		}
	}
	x.json("200 OK", rows)
	return true
}
