package cmds

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
)

// maxPorts bounds what the ranges of one message stand for: as many as there are ports of one protocol.
const maxPorts = 1 << 16

// ports are a range, of a protocol in small letters.
type ports struct {
	first, last int
	protocol    string
}

var protocols = []string{"tcp", "udp", "sctp"}

// parsePorts takes first[-last][/protocol].
func parsePorts(s string) (p ports, err error) {
	s, protocol, _ := strings.Cut(s, "/")
	if p.protocol = strings.ToLower(protocol); protocol == "" {
		p.protocol = protocols[0]
	}
	if !slices.Contains(protocols, p.protocol) {
		return p, errors.New("not tcp, udp or sctp")
	}
	first, last, isRange := strings.Cut(s, "-")
	if !isRange {
		last = first
	}
	low, err := strconv.ParseUint(first, 10, 16)
	high, err2 := strconv.ParseUint(last, 10, 16)
	if err != nil || err2 != nil {
		return p, errors.New(`not a port, 0 to 65535, or a range (try "80", "8080:80/tcp" or "8000-8010:8000-8010")`)
	}
	p.first, p.last = int(low), int(high)
	if p.last < p.first {
		return p, errors.New("the range ends before it begins")
	}
	return p, nil
}

func (p ports) count() int { return p.last - p.first + 1 }

// key names one of the ports in the Engine's maps.
func (p ports) key(i int) string { return strconv.Itoa(p.first+i) + "/" + p.protocol }

// binding is the Engine's PortBinding.
type binding struct{ HostIp, HostPort string }

// publication is a value of docker's --publish.
type publication struct {
	ip        string
	host      ports // of any protocol
	open      bool  // the Engine chooses the host's port
	container ports
}

// parsePublish takes [[ip:]host:]container[/protocol], or published=, target= and protocol=.
func parsePublish(s string) (any, error) {
	if strings.Contains(s, "=") {
		var err error
		if s, err = shortPublish(s); err != nil {
			return nil, err
		}
	}
	host, container := "", s
	if i := strings.LastIndexByte(s, ':'); i >= 0 {
		host, container = s[:i], s[i+1:]
	}
	var p publication
	if i := strings.LastIndexByte(host, ':'); i >= 0 {
		p.ip, host = host[:i], host[i+1:]
	}
	if strings.HasPrefix(p.ip, "[") && strings.HasSuffix(p.ip, "]") {
		p.ip = p.ip[1 : len(p.ip)-1]
	}
	if p.ip != "" && net.ParseIP(p.ip) == nil {
		return nil, errors.New("before the host's port: not an IP address")
	}
	var err error
	if p.container, err = parsePorts(container); err != nil {
		return nil, err
	}
	if p.open = host == ""; p.open {
		return p, nil
	}
	if strings.Contains(host, "/") {
		return nil, errors.New("a protocol belongs behind the container's port")
	}
	if p.host, err = parsePorts(host); err != nil {
		return nil, err
	}
	if p.container.count() != 1 && p.container.count() != p.host.count() {
		return nil, fmt.Errorf("the ranges have not the same length: %d ports of the host, %d of the container", p.host.count(), p.container.count())
	}
	return p, nil
}

// publishKeys are the parts of the long form. Docker's CLI lets each other one go unheard.
var publishKeys = []string{"published", "target", "protocol"}

// shortPublish writes the long form as the short one.
func shortPublish(s string) (string, error) {
	values := map[string]string{}
	for part := range strings.SplitSeq(s, ",") {
		key, value, ok := strings.Cut(part, "=")
		if !ok || !slices.Contains(publishKeys, key) {
			return "", errors.New("not published=, target= or protocol=, with commas between" + guess(key, publishKeys))
		}
		values[key] = value
	}
	return values["published"] + ":" + values["target"] + "/" + values["protocol"], nil
}

// binding is that of one of the container's ports.
func (p publication) binding(i int) binding {
	switch {
	case p.open:
		return binding{HostIp: p.ip}
	case p.container.count() == 1 && p.host.count() > 1:
		return binding{p.ip, fmt.Sprintf("%d-%d", p.host.first, p.host.last)}
	}
	return binding{p.ip, strconv.Itoa(p.host.first + i)}
}

// publish exposes and binds what Publish says.
func (c *Command) publish() error {
	if len(c.published) == 0 {
		return nil
	}
	exposed, bound := inner(c.Body, "ExposedPorts"), inner(inner(c.Body, "HostConfig"), "PortBindings")
	left := maxPorts
	for _, value := range c.published {
		p := value.(publication)
		if left -= p.container.count(); left < 0 {
			return &Invalid{Key: "Options.Publish", Problem: fmt.Sprintf("more than %d ports", maxPorts)}
		}
		for i := range p.container.count() {
			key := p.container.key(i)
			exposed[key] = struct{}{}
			list, _ := bound[key].([]binding)
			bound[key] = append(list, p.binding(i))
		}
	}
	return nil
}

// parseExpose takes a port or a range of them, of the container alone.
func parseExpose(s string) (any, error) {
	p, err := parsePorts(s)
	if err != nil {
		return nil, err
	}
	return p, nil
}

func setExpose(c *Command, _ *option, v any) {
	exposed := inner(c.Body, "ExposedPorts")
	for _, p := range v.([]any) {
		for i := range p.(ports).count() {
			exposed[p.(ports).key(i)] = struct{}{}
		}
	}
}
