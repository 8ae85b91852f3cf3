package cmds

import (
	"context"
	"fmt"
	"strings"

	"docker-dispatch/dockerapi"
)

// archiveLen is as much of a tar, in bytes, as is copied out of a container: it is in one line of the results, in base64.
const archiveLen = 8 << 20

// copy is docker cp: a tar of what is at a path comes out, or one is unpacked there.
func (h *Host) copy(ctx context.Context, c *Command, _ *Streams) (Result, error) {
	res := Result{Name: c.Container, Status: StatusCopied, place: h.client.Place()}
	if c.Tar != nil {
		return res, h.patient(ctx, func(bool) error { return h.client.PutContainerArchive(ctx, c.target(), c.Query, c.Tar) })
	}
	from := c.Query.Get("path")
	err := h.patient(ctx, func(bool) error {
		target, tar, err := h.readArchive(ctx, res.place, c.target(), from)
		if err == nil && c.FollowLink && target != "" {
			_, tar, err = h.readArchive(ctx, res.place, c.target(), linked(from, target))
		}
		res.Tar = tar
		return err
	})
	return res, err
}

// readArchive is the tar of what is at a path, and what that leads to, if it is a symbolic link.
func (h *Host) readArchive(ctx context.Context, place *dockerapi.Place, container, from string) (target string, tar []byte, err error) {
	stat, archive, err := h.client.ContainerArchive(ctx, container, from)
	if err != nil {
		return "", nil, err
	}
	defer archive.Close()
	place.Release() // of what was read before
	tar, err = place.ReadAll(ctx, archive, archiveLen)
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
