package cmds

import (
	"context"
	"encoding/json"
	"io"

	"docker-dispatch/wire"
)

// ReadMessages delivers the JSON values in r, one after another, at most window of them unsettled at a time. It ends with
// r, or with ctx. What is not JSON is delivered to its end, as one message, since nobody knows where the next begins.
func ReadMessages(ctx context.Context, r io.Reader, window, maxBody int, deliver func(wire.Delivery)) error {
	free := make(chan struct{}, window)
	source := &allowance{r: r}
	values := json.NewDecoder(source)
	for {
		select {
		case free <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		source.left = maxBody + 1
		var body json.RawMessage
		err := values.Decode(&body)
		if err == io.EOF || ctx.Err() != nil {
			return nil
		}
		if err != nil {
			source.left = maxBody + 1
			body, _ = io.ReadAll(io.LimitReader(io.MultiReader(values.Buffered(), source), int64(maxBody)+1))
		}
		deliver(wire.Delivery{Body: body, Settle: func(wire.Verdict) error { <-free; return nil }})
		if err != nil {
			return nil
		}
	}
}

// allowance is a reader that ends early once it has given out what it may.
type allowance struct {
	r    io.Reader
	left int
}

func (a *allowance) Read(p []byte) (int, error) {
	if a.left <= 0 {
		return 0, io.ErrUnexpectedEOF
	}
	n, err := a.r.Read(p[:min(len(p), a.left)])
	a.left -= n
	return n, err
}
