package cmds

import (
	"slices"
	"strings"
)

// unasked are the operations that the program makes of itself, whatever messages may do: to see whether the Engine is there, to
// find what an earlier process has left, and to end it.
const unasked = "SystemPing ContainerList ContainerInspect ContainerStop ContainerDelete VolumeList VolumeDelete"

// Operations are what the program may make of an Engine under the policy: operationIds, sorted.
func (p *Policy) Operations() []string {
	return operationsOf(func(door string) bool { return p.verbs[door].opens() })
}

func operationsOf(may func(door string) bool) []string {
	all := strings.Fields(unasked)
	for i := range doors {
		if d := &doors[i]; may(d.name) {
			all = append(all, strings.Fields(d.operations)...)
		}
	}
	slices.SortFunc(all, strings.Compare)
	return slices.Compact(all)
}
