package dockerapi

import (
	"encoding/json"
	"errors"

	"docker-dispatch/wire/http1"
)

// ErrDrafted is what every call of a client of drafts returns.
var ErrDrafted = errors.New("dockerapi: written down, and not sent")

// Draft is a request as it would be sent.
type Draft struct {
	Operation string
	Method    string
	Target    string          // path and query, without the version, which is the Engine's to say
	Body      json.RawMessage // JSON as it is; of a tarball its bytes in base64, as a string; nil is none
}

// Drafts makes a client that sends nothing, dials nothing, and tells of every request that it would send. Credentials are left out.
func Drafts(tell func(Draft)) *Client {
	return &Client{draft: tell, decode: make(places, 1), held: make(places, 1)}
}

// write tells of a request of a span.
func (c *Client) write(op call, req *http1.Request) error {
	d := Draft{Operation: calls[op].operation, Method: req.Method, Target: req.Target}
	switch {
	case req.Body == nil:
	case json.Valid(req.Body):
		d.Body = req.Body
	default:
		text, err := json.Marshal(req.Body)
		if err != nil {
			return err // bytes: always representable
		}
		d.Body = text
	}
	c.draft(d)
	return ErrDrafted
}
