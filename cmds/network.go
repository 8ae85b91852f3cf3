package cmds

import (
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"
)

// endpoints has the container's settings in each of its networks. Those that have an option of their own are put under "*", for the
// first network, until that is known.
const (
	endpoints     = "NetworkingConfig.EndpointsConfig"
	firstEndpoint = endpoints + ".*"
)

// networkFields are the parts of a Network, by docker's --network.
var networkFields = []field{
	{name: "name", path: "name", parse: trimmed(parseText)},
	{name: "alias", path: "Aliases", parse: trimmed(parseItem)},
	{name: "ip", path: "IPAMConfig.IPv4Address", parse: trimmed(parseText)},
	{name: "ip6", path: "IPAMConfig.IPv6Address", parse: trimmed(parseText)},
	{name: "link-local-ip", path: "IPAMConfig.LinkLocalIPs", parse: trimmed(parseItem)},
	{name: "mac-address", path: "MacAddress", parse: trimmed(parseMAC)},
	{name: "driver-opt", path: "DriverOpts", parse: parseDriverOpt},
	{name: "gw-priority", path: "GwPriority", parse: trimmed(parsePriority)},
}

// network is a value of docker's --network.
type network struct {
	target   string
	endpoint map[string]any
}

// parseNetwork takes a name, an id or a mode, or name=value parts, all of which docker's CLI writes in small letters.
func parseNetwork(s string) (any, error) {
	if !hasAssignment(s) {
		return nameNetwork(s, map[string]any{})
	}
	endpoint, err := compose(strings.ToLower(s), networkFields, true)
	if err != nil {
		return nil, err
	}
	target, _ := endpoint["name"].(string)
	delete(endpoint, "name")
	return nameNetwork(target, endpoint)
}

func nameNetwork(target string, endpoint map[string]any) (any, error) {
	if strings.TrimSpace(target) == "" {
		return nil, errors.New(`it has no name (try "mynet" or "name=mynet,alias=db")`)
	}
	return &network{target, endpoint}, nil
}

// hasAssignment says whether an equals sign has a letter, a digit or an underscore on both its sides.
func hasAssignment(s string) bool {
	for i := 1; i < len(s)-1; i++ {
		if s[i] == '=' && only(s[i-1:i], "_") && only(s[i+1:i+2], "_") {
			return true
		}
	}
	return false
}

// trimmed is parse without the blanks around the value, which docker's CLI takes away.
func trimmed(parse func(string) (any, error)) func(string) (any, error) {
	return func(s string) (any, error) { return parse(strings.TrimSpace(s)) }
}

func parseItem(s string) (any, error) { return item{s}, nil }

func parseDriverOpt(s string) (any, error) {
	key, value, found := strings.Cut(s, "=")
	if !found {
		return parseAssignment(s)
	}
	return parseAssignment(strings.TrimSpace(key) + "=" + strings.TrimSpace(value))
}

func parseMAC(s string) (any, error) {
	if _, err := net.ParseMAC(strings.TrimSpace(s)); err != nil || !strings.ContainsAny(s, ":-.") { // which docker's Go wants between
		return nil, errors.New(`not a MAC address (try "92:d0:c6:0a:29:33")`)
	}
	return s, nil
}

func parsePriority(s string) (any, error) {
	n, err := strconv.Atoi(s)
	if err != nil {
		return nil, errors.New("not a whole number")
	}
	return n, nil
}

// isUserDefined says whether a network is one that somebody has made.
func isUserDefined(target string) bool {
	return !slices.Contains([]string{"default", "bridge", "host", "none"}, target) && !strings.HasPrefix(target, "container:")
}

// ofTheFirst are the options whose values are the first network's, unless that has its own.
var ofTheFirst = []struct{ option, path string }{
	{"NetworkAlias", "Aliases"},
	{"Ip", "IPAMConfig.IPv4Address"},
	{"Ip6", "IPAMConfig.IPv6Address"},
	{"LinkLocalIp", "IPAMConfig.LinkLocalIPs"},
	{"MacAddress", "MacAddress"},
}

// connect makes the container's endpoints of the networks and of the options that are the first one's.
func (c *Command) connect() error {
	all := inner(inner(c.Body, "NetworkingConfig"), "EndpointsConfig")
	own, _ := all["*"].(map[string]any)
	delete(all, "*")
	networks := c.networks
	if len(networks) == 0 {
		networks = []any{&network{"default", map[string]any{}}}
	}
	first := networks[0].(*network)
	if c.networks != nil {
		c.set("HostConfig.NetworkMode", first.target)
	}
	for _, o := range ofTheFirst {
		value := at(own, o.path)
		if value != nil && at(first.endpoint, o.path) != nil {
			return &Invalid{Key: "Options." + o.option, Problem: "Options.Network has one of its own"}
		}
		if value != nil {
			put(first.endpoint, o.path, value)
		}
	}
	if links := at(c.Body, "HostConfig.Links"); links != nil && isUserDefined(first.target) {
		first.endpoint["Links"] = links
	}
	err := c.enter(networks, all)
	if len(all) == 0 {
		delete(c.Body, "NetworkingConfig")
	}
	return err
}

// ofMade are the settings that only a network that somebody has made lets one choose: what the Engine has made has them fixed.
var ofMade = []string{"Aliases", "IPAMConfig.IPv4Address", "IPAMConfig.IPv6Address"}

// enter puts the endpoints in, by their networks' names. A single one without settings is the Engine's to make.
func (c *Command) enter(networks []any, all map[string]any) error {
	made := isUserDefined(networks[0].(*network).target)
	problem := ""
	for _, n := range networks {
		n := n.(*network)
		switch {
		case all[n.target] != nil:
			problem = "one is given twice"
		case isUserDefined(n.target) != made:
			problem = "bridge, host, none and a container's cannot be together with one that somebody has made"
		case !made && slices.ContainsFunc(ofMade, func(path string) bool { return at(n.endpoint, path) != nil }):
			problem = "only one that somebody has made lets its aliases and addresses be chosen; name such a one"
		case len(networks) > 1 || len(n.endpoint) > 0:
			all[n.target] = n.endpoint
		}
	}
	if problem != "" {
		return &Invalid{Key: "Options.Network", Problem: problem}
	}
	return nil
}

// parseLink takes name[:alias].
func parseLink(s string) (any, error) {
	if s == "" || strings.Count(s, ":") > 1 {
		return nil, errors.New(`not a container and its alias (try "db" or "db:database")`)
	}
	return s, nil
}

// gateway is the Engine's own word for the host's address.
const gateway = "host-gateway"

// parseHost takes name:address and name=address.
func parseHost(s string) (any, error) {
	name, address, ok := strings.Cut(s, "=")
	if !ok {
		name, address, ok = strings.Cut(s, ":")
	}
	if len(address) > 2 && address[0] == '[' && address[len(address)-1] == ']' {
		address = address[1 : len(address)-1]
	}
	if !ok || name == "" || strings.Contains(name, ":") || address != gateway && net.ParseIP(strings.TrimSpace(address)) == nil {
		return nil, errors.New(`not a host and its IP address (try "db:10.0.0.7" or "host.docker.internal:host-gateway")`)
	}
	return name + ":" + address, nil
}

// parseIP takes an address in any notation.
func parseIP(s string) (any, error) {
	ip := net.ParseIP(strings.TrimSpace(s))
	if ip == nil {
		return nil, errors.New(`not an IP address (try "10.0.0.7")`)
	}
	return ip.String(), nil
}

const domainLen = 254

// parseDomain takes a domain, or . for none.
func parseDomain(s string) (any, error) {
	s = strings.Trim(s, " ")
	if s == "." {
		return s, nil
	}
	s = strings.TrimSuffix(s, ".")
	bad := len(s) > domainLen || strings.Trim(s, "0123456789.-") == ""
	for label := range strings.SplitSeq(s, ".") {
		bad = bad || label == "" || !only(label, "-") || label[0] == '-' || label[len(label)-1] == '-'
	}
	if bad {
		return nil, errors.New(`not a domain (try "example.org")`)
	}
	return s, nil
}
