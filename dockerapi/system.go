package dockerapi

import (
	"context"
	"io"
)

// pingLen bounds an answer that is "OK".
const pingLen = 4 << 10

// SystemPing asks whether the Engine is there, and returns the newest API version that it speaks, such as "1.41". It
// always dials anew: an Engine that is going down still serves the connections that it has.
func (c *Client) SystemPing(ctx context.Context) (apiVersion string, err error) {
	s := begin(ctx, systemPing)
	defer s.end()
	res, err := c.send(s, args{})
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(res.Body, pingLen)); err != nil {
		return "", s.fail(err)
	}
	return res.Header.Get("Api-Version"), nil
}
