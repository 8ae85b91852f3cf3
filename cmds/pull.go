package cmds

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"docker-dispatch/dockerapi"
)

// pullDelays are the pauses between the tries to pull an image while its registry is away or asks for patience.
var pullDelays = [...]time.Duration{time.Second, 2 * time.Second}

// pull is one pull under way, which all messages that miss its image share.
type pull struct {
	done chan struct{} // closed by whoever began it
	err  error         // set before
}

// pull gets an image, or waits until somebody else has got it.
func (h *Host) pull(ctx context.Context, w dockerapi.Pull) error {
	p, first := h.joinPull(w)
	if !first {
		select {
		case <-p.done:
			return p.err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	h.log.Debug("pulling", "image", w.Image, "platform", w.Platform)
	p.err = h.tryPull(ctx, w)
	h.mu.Lock()
	delete(h.pulls, w)
	h.mu.Unlock()
	close(p.done)
	return p.err
}

// tryPull tries again when the registry may do better in a while.
func (h *Host) tryPull(ctx context.Context, w dockerapi.Pull) error {
	for _, delay := range pullDelays {
		err := h.pullOnce(ctx, w)
		if !registryBusy(err) {
			return err
		}
		h.log.Info("the registry is away or busy; pulling again", "image", w.Image, "in", delay, "error", err)
		if err := sleep(ctx, delay); err != nil {
			return err
		}
	}
	return h.pullOnce(ctx, w)
}

func (h *Host) pullOnce(ctx context.Context, w dockerapi.Pull) error {
	return h.patient(ctx, func(bool) error {
		auth, err := h.Credentials.header(w.Image)
		if err != nil {
			return err
		}
		return h.client.ImageCreate(ctx, w, auth)
	})
}

// registryRefusals are the words of a registry that says no. One that is asked again with the same wrong password may lock the
// account.
var registryRefusals = []string{"no basic auth credentials", "unauthorized", "denied", "manifest unknown"}

// registryBusy tells a registry that is away, or has had too many requests, from one that says no. The Engine passes its words
// on, under a status of its own fault or, in mid-pull, under 200.
func registryBusy(err error) bool {
	var refused *dockerapi.Error
	switch {
	case !errors.As(err, &refused):
		return false
	case refused.Status == 429, strings.Contains(refused.Message, "toomanyrequests"):
		return true
	}
	final := func(words string) bool { return strings.Contains(refused.Message, words) }
	return refused.Status >= 500 && !slices.ContainsFunc(registryRefusals, final)
}

func (h *Host) joinPull(w dockerapi.Pull) (p *pull, first bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p := h.pulls[w]; p != nil {
		return p, false
	}
	p = &pull{done: make(chan struct{})}
	h.pulls[w] = p
	return p, true
}
