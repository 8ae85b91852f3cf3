package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// report is what the JSON has.
type report struct {
	Date     time.Time
	Machine  map[string]string
	Programs map[string]string // the paths of the rivals
	Values   map[string][]string
	Results  []result
	Failed   map[string]string `json:",omitempty"`
}

func (b *bench) writeJSON() error {
	if b.jsonPath == "" {
		return nil
	}
	r := report{time.Now().UTC(), b.machine(), map[string]string{}, map[string][]string{}, b.results, b.failed}
	for _, rival := range b.rivals {
		r.Programs[rival.name] = rival.path
	}
	for _, f := range b.figures {
		for _, v := range f.values {
			r.Values[f.name] = append(r.Values[f.name], strings.TrimSpace(v.name+" "+v.unit))
		}
	}
	data, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(b.jsonPath, append(data, '\n'), 0o644)
}

// machine is what the figures were measured on.
func (b *bench) machine() map[string]string {
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	cpus, _ := os.ReadFile("/proc/cpuinfo")
	_, model, _ := strings.Cut(string(cpus), "model name")
	model, _, _ = strings.Cut(model, "\n")
	docker, _ := exec.Command("docker", "-H", b.docker, "version", "-f", "{{.Server.Version}}").Output()
	rabbit, _ := b.broker.conn.Properties["version"].(string)
	return map[string]string{
		"kernel": strings.TrimSpace(string(kernel)), "cpu": strings.Trim(model, "\t :"), "cores": strconv.Itoa(runtime.NumCPU()),
		"go": runtime.Version(), "docker": strings.TrimSpace(string(docker)), "rabbitmq": rabbit,
	}
}
