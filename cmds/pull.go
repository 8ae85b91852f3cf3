package cmds

import "context"

// pull is one pull under way, which all messages that miss its image share.
type pull struct {
	done chan struct{} // closed by whoever began it
	err  error         // set before
}

// pull gets an image, or waits until somebody else has got it.
func (h *Host) pull(ctx context.Context, image string) error {
	p, first := h.joinPull(image)
	if !first {
		select {
		case <-p.done:
			return p.err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	h.log.Debug("pulling", "image", image)
	p.err = h.patient(ctx, func(bool) error { return h.client.ImageCreate(ctx, image) })
	h.mu.Lock()
	delete(h.pulls, image)
	h.mu.Unlock()
	close(p.done)
	return p.err
}

func (h *Host) joinPull(image string) (p *pull, first bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p := h.pulls[image]; p != nil {
		return p, false
	}
	p = &pull{done: make(chan struct{})}
	h.pulls[image] = p
	return p, true
}
