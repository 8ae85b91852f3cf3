package cmds

import (
	"context"
	"fmt"
	"io"
	"strings"
)

// archiveLen is as much of a tar, in bytes, as is copied out of a container: it is in one line of the results, in base64.
const archiveLen = 16 << 20

// copy is docker cp: a tar of what is at a path comes out, or one is unpacked there.
func (h *Host) copy(ctx context.Context, c *Command, _ *Streams) (Result, error) {
	res := Result{Name: c.Container, Status: StatusCopied}
	if c.Tar != nil {
		return res, h.patient(ctx, func(bool) error { return h.client.PutContainerArchive(ctx, c.Container, c.Query, c.Tar) })
	}
	from := c.Query.Get("path")
	err := h.patient(ctx, func(bool) error {
		target, tar, err := h.readArchive(ctx, c.Container, from)
		if err == nil && c.FollowLink && target != "" {
			_, tar, err = h.readArchive(ctx, c.Container, linked(from, target))
		}
		res.Tar = tar
		return err
	})
	return res, err
}

// readArchive is the tar of what is at a path, and what that leads to, if it is a symbolic link.
func (h *Host) readArchive(ctx context.Context, container, from string) (target string, tar []byte, err error) {
	stat, archive, err := h.client.ContainerArchive(ctx, container, from)
	if err != nil {
		return "", nil, err
	}
	defer archive.Close()
	tar, err = io.ReadAll(io.LimitReader(archive, archiveLen+1))
	switch {
	case err != nil:
		return "", nil, err
	case len(tar) > archiveLen:
		return "", nil, fmt.Errorf("the tar of %s is longer than %d MiB; copy less of it", excerptText(from), archiveLen>>20)
	}
	return stat.LinkTarget, tar, nil
}

// linked is where a symbolic link leads to.
func linked(from, target string) string {
	if strings.HasPrefix(target, "/") {
		return target
	}
	from = strings.TrimRight(from, "/")
	return from[:strings.LastIndexByte(from, '/')+1] + target
}
