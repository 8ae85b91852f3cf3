package cmds

import (
	"slices"
	"strings"
)

// unasked are the operations that the program makes of itself, whatever messages may do: to see whether the Engine is there, to
// find what an earlier process has left, and to end it.
const unasked = "SystemPing ContainerList ContainerInspect ContainerStop ContainerDelete VolumeList VolumeDelete"

// operations are what a command may come to beside these, by operationId in moby's api/swagger.yaml; commands by their doors.
var operations = map[string]string{
	"run":                "ImageCreate ContainerCreate ContainerAttach ContainerStart ContainerWait ContainerLogs ContainerRename VolumeCreate",
	"create":             "ImageCreate ContainerCreate ContainerRename",
	"start":              "ContainerAttach ContainerStart ContainerWait",
	"stop":               "",
	"restart":            "ContainerRestart",
	"kill":               "ContainerKill",
	"pause":              "ContainerPause",
	"unpause":            "ContainerUnpause",
	"remove":             "",
	"wait":               "ContainerWait",
	"exec":               "ContainerExec ExecStart ExecInspect",
	"logs":               "ContainerLogs",
	"inspect":            "",
	"inspect image":      "ImageInspect",
	"inspect network":    "NetworkInspect",
	"inspect volume":     "VolumeInspect",
	"rename":             "ContainerRename",
	"update":             "ContainerUpdate",
	"pull":               "ImageCreate",
	"ps":                 "",
	"cp":                 "ContainerArchive",
	"cp into":            "PutContainerArchive",
	"rmi":                "ImageDelete",
	"volume create":      "VolumeCreate",
	"volume rm":          "VolumeInspect",
	"network create":     "NetworkCreate NetworkInspect",
	"network rm":         "NetworkDelete NetworkInspect",
	"network connect":    "NetworkConnect NetworkInspect",
	"network disconnect": "NetworkDisconnect NetworkInspect",
}

// Operations are what the program may make of an Engine under the policy: operationIds, sorted.
func (p *Policy) Operations() []string {
	return operationsOf(func(door string) bool { return p.verbs[door].opens() })
}

func operationsOf(may func(door string) bool) []string {
	all := strings.Fields(unasked)
	for door, some := range operations {
		if may(door) {
			all = append(all, strings.Fields(some)...)
		}
	}
	slices.SortFunc(all, strings.Compare)
	return slices.Compact(all)
}
