package cmds

import (
	"net/netip"
	"slices"
	"strings"
)

// ipam is the address management of a new network, as it was given.
type ipam struct {
	subnets, ranges, gateways []string
	auxiliary                 map[string]any // addresses by name
}

// flat puts the lists that a list has together: docker's command line takes commas for some flags.
func flat(v any) []string {
	var all []string
	for _, list := range v.([]any) {
		all = append(all, list.([]string)...)
	}
	return all
}

func parseRecord(s string) (any, error) {
	if s == "" {
		return []string{}, nil
	}
	return splitQuoted(s)
}

func setCommas(c *Command, row *option, v any) { c.put(row.body, flat(v)) }

// configure makes of the parts one configuration for each subnet, which has the range, the gateway and the addresses that lie in
// it. Errors are *Invalid.
func (p *ipam) configure() ([]map[string]any, error) {
	configs := make([]map[string]any, len(p.subnets))
	for i, s := range p.subnets {
		for _, other := range p.subnets[:i] {
			if contains(other, s) || contains(s, other) {
				return nil, &Invalid{"Options.Subnet", excerptText(s), "it overlaps with " + excerptText(other)}
			}
		}
		configs[i] = map[string]any{"Subnet": s}
	}
	for _, part := range []struct {
		key, path string
		values    []string
	}{{"IpRange", "IPRange", p.ranges}, {"Gateway", "Gateway", p.gateways}} {
		for _, value := range part.values {
			if err := p.place(configs, "Options."+part.key, part.path, value); err != nil {
				return nil, err
			}
		}
	}
	for _, name := range sortedKeys(p.auxiliary) {
		if err := p.place(configs, "Options.AuxAddress", "AuxiliaryAddresses."+name, p.auxiliary[name].(string)); err != nil {
			return nil, err
		}
	}
	return configs, nil
}

// place puts an address or a range into the configuration of its subnet.
func (p *ipam) place(configs []map[string]any, key, path, value string) error {
	i := slices.IndexFunc(p.subnets, func(s string) bool { return contains(s, value) })
	if i < 0 {
		return &Invalid{key, excerptText(value), "it lies in no Options.Subnet"}
	}
	field, name, _ := strings.Cut(path, ".")
	switch {
	case name != "":
		inner(configs[i], field)[name] = value
	case configs[i][field] != nil:
		return &Invalid{key, excerptText(value), "its Options.Subnet has one already"}
	default:
		configs[i][field] = value
	}
	return nil
}

// contains says whether an address, or the first of a range, lies in a subnet.
func contains(subnet, address string) bool {
	prefix, err := netip.ParsePrefix(subnet)
	if err != nil {
		return false
	}
	address, _, _ = strings.Cut(address, "/")
	a, err := netip.ParseAddr(address)
	return err == nil && prefix.Contains(a)
}

// checkNetwork completes the body as docker network create does.
func checkNetwork(c *Command, m Message) error {
	configs, err := c.ipam.configure()
	if err != nil {
		return err
	}
	c.put("IPAM.Config", configs)
	for path, standard := range map[string]any{"Driver": "bridge", "IPAM.Driver": "default"} {
		if at(c.Body, path) == nil {
			c.set(path, standard)
		}
	}
	c.set("CheckDuplicate", true) // Engines below API 1.44 make several of one name without it
	c.label(m)
	return nil
}
