package cmds

import (
	"context"
	"fmt"
	"sync"
	"time"

	"docker-dispatch/dockerapi"
)

// A run that is found again may be what its dispatcher died of. Each process that takes it up counts that in the Engine, by
// an empty volume more, and takes the count back when it has lived: it has worked on the run for a while, or has let go of
// it in good order. Suspicious runs are taken up one at a time, which clears those that were only in work beside a deadly one.
const (
	suspicious   = 3
	deadly       = 10
	acquitAfter  = time.Minute
	acquitWithin = 10 * time.Second // also of a process that is leaving

	trialPrefix = "docker-dispatch.trial." // names the volume, with the container's id, a dot, and the count before
	labelTrial  = "docker-dispatch.trial"  // the container's id
)

// maxDeliveries is as often as a queue may give out a message before that is taken for deadly to whoever reads it: far above
// what cancelled consumers and lost connections make of a quorum queue's count.
const maxDeliveries = 1000

// errDeadly is the error of a message that its dispatcher dies of.
type errDeadly string

func (e errDeadly) Error() string { return string(e) }

// checkDeliveries holds a message to maxDeliveries, as far as its queue counts.
func checkDeliveries(headers map[string]any) error {
	if n, _ := headers["x-delivery-count"].(int64); n > maxDeliveries {
		return errDeadly(fmt.Sprintf("given out %d times without an outcome; does its dispatcher die of it?", n))
	}
	return nil
}

// try takes up a run that was found. The caller ends the trial when it lets go of the run.
func (h *Host) try(ctx context.Context, r *running) (end func(), err error) {
	marks, err := h.volumes(ctx, labelTrial+"="+r.id)
	if err != nil {
		return nil, err
	}
	if len(marks) >= deadly {
		if err := r.halt(ctx); gone(err) != nil {
			return nil, err
		}
		h.acquit(ctx, marks)
		return nil, errDeadly(fmt.Sprintf("its dispatcher has died %d times while it worked on it", len(marks)))
	}
	alone := len(marks) >= suspicious
	if alone {
		h.log.Warn("its dispatcher has died several times while it worked on it, so it is taken up alone", "container", r.id, "times", len(marks))
		if err := take(ctx, h.turn); err != nil {
			return nil, err
		}
	}
	mark := dockerapi.Volume{Name: fmt.Sprint(trialPrefix, r.id, ".", len(marks)), Labels: map[string]string{
		labelTrial: r.id, labelQueue: r.labels[labelQueue], labelDispatcher: r.labels[labelDispatcher],
	}}
	acquit := sync.OnceFunc(func() {
		h.acquit(ctx, append(marks, mark))
		if alone {
			<-h.turn
		}
	})
	err = h.patient(ctx, func(bool) error { return h.client.VolumeCreate(ctx, mark.Name, mark.Labels) })
	if err != nil {
		acquit()
		return nil, err
	}
	return h.acquitLater(ctx, acquit), nil
}

// acquitLater acquits after a while, or at the end.
func (h *Host) acquitLater(ctx context.Context, acquit func()) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	var waiting sync.WaitGroup
	waiting.Go(func() {
		if sleep(ctx, acquitAfter) == nil {
			acquit()
		}
	})
	return func() {
		cancel()
		waiting.Wait()
		acquit()
	}
}

// acquit takes marks back. What cannot be taken back is counted once too often.
func (h *Host) acquit(ctx context.Context, marks []dockerapi.Volume) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), acquitWithin)
	defer cancel()
	for _, mark := range marks {
		h.deleteVolume(ctx, mark.Name)
	}
}

// acquitAll takes back all counts for a container that is no more, whoever has made them.
func (h *Host) acquitAll(ctx context.Context, id string) error {
	marks, err := h.volumes(ctx, labelTrial+"="+id)
	h.acquit(ctx, marks)
	return err
}

// sweepTrial removes a count whose container is no more, and says whether it was.
func (h *Host) sweepTrial(ctx context.Context, mark dockerapi.Volume) (swept bool) {
	_, err := h.inspect(ctx, mark.Labels[labelTrial])
	if swept = status(err) == 404; swept {
		h.acquit(ctx, []dockerapi.Volume{mark})
	}
	return swept
}

// take is a send that ends with ctx.
func take(ctx context.Context, turn chan<- struct{}) error {
	select {
	case turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
