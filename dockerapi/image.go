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
	"unicode"

	"docker-dispatch/wire"
)

// progressLen bounds one object of a pull's progress; they have some hundred bytes.
const progressLen = 1 << 20

// Pull is what a pull is to get.
type Pull struct {
	Image    string // reference: no tag and no digest is the tag latest
	Platform string // os/architecture; "" is the Engine's own
	AllTags  bool   // every tag of the repository, which Image then names without one
}

// ImageCreate pulls the image, as docker pull does, and returns when it is there. Auth is the value of the field X-Registry-Auth,
// "" for none: JSON with the registry's credentials, in base64 for URLs with padding. No error has it.
// What goes wrong after the first progress line comes inside the stream, under status 200; it is an *Error too, with that
// status.
func (c *Client) ImageCreate(ctx context.Context, p Pull, auth wire.Secret) error {
	if strings.ContainsFunc(string(auth), unicode.IsControl) {
		return errors.New("dockerapi: ImageCreate: a control character in the credentials for the registry")
	}
	body, err := c.stream(ctx, imageCreate, args{query: p.query(), auth: auth})
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

func (p Pull) query() url.Values {
	name, tag := splitReference(p.Image)
	query := url.Values{"fromImage": {name}}
	if !p.AllTags {
		query.Set("tag", tag)
	}
	if p.Platform != "" {
		query.Set("platform", p.Platform)
	}
	return query
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
