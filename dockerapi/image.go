package dockerapi

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// progressLen bounds one object of a pull's progress; they have some hundred bytes.
const progressLen = 1 << 20

// ImageCreate pulls the image, as docker pull does, and returns when it is there. No tag and no digest is the tag latest;
// platform is os/architecture, "" for the Engine's own.
// What goes wrong after the first progress line comes inside the stream, under status 200; it is an *Error too, with that
// status.
func (c *Client) ImageCreate(ctx context.Context, image, platform string) error {
	name, tag := splitReference(image)
	query := url.Values{"fromImage": {name}, "tag": {tag}}
	if platform != "" {
		query.Set("platform", platform)
	}
	body, err := c.stream(ctx, imageCreate, args{query: query})
	if err != nil {
		return err
	}
	defer body.Close()
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, progressLen)
	for lines.Scan() && lines.Err() == nil { // a line that was cut comes together with the error
		if err := pullError(lines.Bytes()); err != nil {
			return err
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return fmt.Errorf("dockerapi: %s: a progress line is longer than %d MiB", calls[imageCreate].operation, progressLen>>20)
	}
	if lines.Err() != nil {
		return body.fail(lines.Err())
	}
	return nil
}

// splitReference takes name[:tag][@digest] apart. A digest goes where the tag does, which then means nothing; a colon before
// a slash is the registry's port.
func splitReference(image string) (name, tag string) {
	name, digest, _ := strings.Cut(image, "@")
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		name, tag = name[:i], name[i+1:]
	}
	return name, cmp.Or(digest, tag, "latest")
}

// pullError is the error that a progress line reports, if it does.
func pullError(line []byte) error {
	if len(line) == 0 {
		return nil
	}
	var progress struct {
		Error       string
		ErrorDetail struct{ Message string }
	}
	if err := json.Unmarshal(line, &progress); err != nil {
		return &Garbled{calls[imageCreate].operation, fmt.Errorf("progress: %w", err)}
	}
	if message := cmp.Or(progress.ErrorDetail.Message, progress.Error); message != "" {
		return &Error{calls[imageCreate].operation, 200, message}
	}
	return nil
}
