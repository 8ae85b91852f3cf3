package dockerapi

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"os"
	"time"
)

// PathStat is what a path in a container is.
type PathStat struct {
	Name       string      // its last element
	Size       int64       // bytes
	Mode       os.FileMode // permissions, and the kind of file
	Mtime      time.Time
	LinkTarget string // of a symbolic link, in the container; Podman fills it in for all else too
}

// ContainerArchive reads a file or a folder of a container as a tarball, whose names begin with the last element of path. Docker
// gives a symbolic link as such, Podman what it leads to. A path that is not there is *Error 404, as a container is. The caller
// closes the tarball, which ctx ends too; io.EOF is the end of all of it.
func (c *Client) ContainerArchive(ctx context.Context, id, path string) (PathStat, io.ReadCloser, error) {
	answer, err := c.stream(ctx, containerArchive, args{id: id, query: url.Values{"path": {path}}})
	if err != nil {
		return PathStat{}, nil, err
	}
	stat, err := pathStat(answer.header.Get("X-Docker-Container-Path-Stat"))
	if err != nil {
		answer.Close()
		return PathStat{}, nil, &Garbled{calls[containerArchive].operation, err}
	}
	return stat, archive{answer}, nil
}

// pathStat reads a field that has JSON in base64. It is as long as a field may be at most, 16 KiB.
func pathStat(field string) (stat PathStat, err error) {
	text, err := base64.StdEncoding.DecodeString(field)
	if err != nil || json.Unmarshal(text, &stat) != nil {
		return stat, errors.New("X-Docker-Container-Path-Stat is not JSON in base64")
	}
	return stat, nil
}

// archive gives the errors of a tarball their name.
type archive struct{ *answer }

func (a archive) Read(p []byte) (int, error) {
	n, err := a.answer.Read(p)
	if err != nil && err != io.EOF {
		err = a.fail(err)
	}
	return n, err
}

// PutContainerArchive unpacks a tarball, plain or compressed, into a folder of a container. Query: path, the folder;
// noOverwriteDirNonDir, a file and a folder do not take each other's place; copyUIDGID, the owner is the
// User of the container, if it has one, and not that of the tarball. A folder that is not there is *Error 404; Podman makes it.
func (c *Client) PutContainerArchive(ctx context.Context, id string, query url.Values, tar []byte) error {
	return c.do(ctx, putContainerArchive, args{id: id, query: query, body: tarball(tar)}, nil)
}
