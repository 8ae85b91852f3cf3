package main

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"time"
)

// measureRate has all messages in the queue before the rival is started.
func measureRate(b *bench, r *rival, s *setting) ([]float64, error) {
	t, err := b.begin(r, s.work)
	if err != nil {
		return nil, err
	}
	defer t.close()
	if err := t.awaitRemoval(); err != nil {
		return nil, err
	}
	cpu, err := t.process.cpu()
	if err != nil {
		return nil, err
	}
	_, peak, err := t.process.memory()
	if err != nil {
		return nil, err
	}
	if err := t.end(); err != nil {
		return nil, err
	}
	stats, n := t.engine.Stats(), float64(s.messages)
	return []float64{
		n / stats.LastDelete.Sub(stats.FirstCreate).Seconds(),
		cpu.Seconds() / n * 1000,
		float64(stats.Accepted) / n,
		peak / mib,
	}, t.said("hello", s.messages)
}

// measureReal publishes when the rival consumes, since a start costs as much as several of the few messages.
func measureReal(b *bench, r *rival, s *setting) ([]float64, error) {
	t, err := b.beginReal(r, s.work)
	if err != nil {
		return nil, err
	}
	defer t.close()
	if err := t.awaitConsumer(); err != nil {
		return nil, err
	}
	before, err := t.process.cpu()
	if err != nil {
		return nil, err
	}
	if err := t.fill(); err != nil {
		return nil, err
	}
	if err := t.process.until(patience, t.events.done); err != nil {
		return nil, err
	}
	after, err := t.process.cpu()
	if err != nil {
		return nil, err
	}
	if err := t.endReal(); err != nil {
		return nil, err
	}
	n := float64(s.messages)
	return []float64{n / t.events.span().Seconds(), (after - before).Seconds() / n * 1000}, t.said("hello", s.messages)
}

// measureSilent compares the memory of a rival with all jobs to its memory when it had not had any.
func measureSilent(b *bench, r *rival, s *setting) ([]float64, error) {
	s.late = true
	t, err := b.begin(r, s.work)
	if err != nil {
		return nil, err
	}
	defer t.close()
	if err := t.awaitConsumer(); err != nil {
		return nil, err
	}
	idle, err := t.process.atRest(time.Second)
	if err != nil {
		return nil, err
	}
	files, err := t.process.descriptors()
	if err != nil {
		return nil, err
	}
	if err := t.fill(); err != nil {
		return nil, err
	}
	if err := t.process.until(patience, func() (bool, error) { return t.engine.Running() == s.messages, nil }); err != nil {
		return nil, err
	}
	busy, err := t.process.atRest(s.rest)
	if err != nil {
		return nil, err
	}
	more, err := t.process.descriptors()
	if err != nil {
		return nil, err
	}
	t.engine.Release()
	if err := t.awaitRemoval(); err != nil {
		return nil, err
	}
	n := float64(s.messages)
	return []float64{(busy - idle) / n / kib, float64(more-files) / n}, t.end()
}

// measureOutput takes the time from the start of the first container until the last has exited and all is in the pipe's reader.
func measureOutput(b *bench, r *rival, s *setting) ([]float64, error) {
	t, err := b.begin(r, s.work)
	if err != nil {
		return nil, err
	}
	defer t.close()
	if err := t.awaitRemoval(); err != nil {
		return nil, err
	}
	cpu, err := t.process.cpu()
	if err != nil {
		return nil, err
	}
	_, peak, err := t.process.memory()
	if err != nil {
		return nil, err
	}
	stats := t.engine.Stats()
	printed, last := t.process.out.taken()
	if last.Before(stats.LastExit) {
		last = stats.LastExit
	}
	if err := t.end(); err != nil {
		return nil, err
	}
	bytes := float64(s.messages) * payload(s.cmd)
	if float64(printed) < bytes || r.kind != program && float64(printed) != bytes {
		return nil, t.process.trouble(fmt.Sprintf("of %.0f bytes it has printed %d", bytes, printed))
	}
	return []float64{bytes / mb / last.Sub(stats.FirstStart).Seconds(), cpu.Seconds(), peak / mib}, nil
}

// payload is how many bytes a container with such a command writes.
func payload(cmd []string) float64 {
	count, _ := strconv.ParseFloat(cmd[1], 64)
	length, _ := strconv.ParseFloat(cmd[2], 64)
	return count * length
}

// measureStart starts a rival as often as the setting has messages, twice: with an empty queue, and with a message in it.
func measureStart(b *bench, r *rival, s *setting) ([]float64, error) {
	var consuming, creating []float64
	for range s.messages {
		c, err := b.timeToConsume(r, s.work)
		if err != nil {
			return nil, err
		}
		f, err := b.timeToCreate(r, s.work)
		if err != nil {
			return nil, err
		}
		consuming, creating = append(consuming, c), append(creating, f)
	}
	return []float64{median(consuming), median(creating)}, nil
}

func (b *bench) timeToConsume(r *rival, w work) (ms float64, err error) {
	w.messages = 0
	p, err := watchConsumes(b.amqp)
	if err != nil {
		return 0, err
	}
	defer p.close()
	w.broker = p.uri
	t, err := b.begin(r, w)
	if err != nil {
		return 0, err
	}
	defer t.close()
	var at time.Time
	err = t.process.until(patience, func() (bool, error) {
		at = p.consumed(t.queue)
		return !at.IsZero(), nil
	})
	return at.Sub(t.process.started).Seconds() * 1000, err
}

func (b *bench) timeToCreate(r *rival, w work) (ms float64, err error) {
	w.messages = 1
	t, err := b.begin(r, w)
	if err != nil {
		return 0, err
	}
	defer t.close()
	err = t.process.until(patience, func() (bool, error) { return t.engine.Created() > 0, nil })
	return t.engine.Stats().FirstCreate.Sub(t.process.started).Seconds() * 1000, err
}

func measureSize(_ *bench, r *rival, _ *setting) ([]float64, error) {
	file, err := os.Stat(r.path)
	if err != nil {
		return nil, err
	}
	return []float64{float64(file.Size()) / mb}, nil
}

// atRest is how much memory is resident, in bytes, once that does not change any more.
func (p *process) atRest(rest time.Duration) (float64, error) {
	const (
		interval = 500 * time.Millisecond
		still    = 0.005 // of it
		tries    = 20
	)
	time.Sleep(rest)
	before, _, err := p.memory()
	for range tries {
		if err != nil {
			return 0, err
		}
		time.Sleep(interval)
		var now float64
		if now, _, err = p.memory(); err == nil && math.Abs(now-before) <= still*before {
			return now, nil
		}
		before = now
	}
	return before, err
}
