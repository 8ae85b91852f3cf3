package dockerapi

import (
	"context"
	"io"
	"time"
)

const (
	pingTimeout = 5 * time.Second // generous for an answer that costs an Engine nothing: one that takes longer is not there
	pingLen     = 4 << 10         // of an answer that is "OK"
)

// SystemPing asks whether the Engine is there, and returns the newest API version that it speaks, such as "1.41". It
// always dials anew: an Engine that is going down still serves the connections that it has.
func (c *Client) SystemPing(ctx context.Context) (apiVersion string, err error) {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	res, err := c.send(ctx, systemPing, args{})
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(res.Body, pingLen)); err != nil {
		return "", wireError(calls[systemPing].operation, err)
	}
	return res.Header.Get("Api-Version"), nil
}
