package main

import (
	"encoding/binary"
	"net"
	"net/url"
	"strconv"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// proxy stands between a rival and the broker, and sees when queues begin to be consumed.
type proxy struct {
	uri      string // the broker's, through here
	broker   string // host:port
	listener net.Listener

	mu    sync.Mutex
	times map[string]time.Time // of the first basic.consume of a queue
	conns []net.Conn
}

// watchConsumes makes the proxy of a broker without TLS.
func watchConsumes(broker string) (*proxy, error) {
	uri, err := url.Parse(broker)
	if err != nil {
		return nil, err
	}
	parsed, err := amqp.ParseURI(broker)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	uri.Host = listener.Addr().String()
	p := &proxy{
		uri: uri.String(), broker: net.JoinHostPort(parsed.Host, strconv.Itoa(parsed.Port)), listener: listener, times: map[string]time.Time{},
	}
	go p.accept()
	return p, nil
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		broker, err := net.Dial("tcp", p.broker)
		if err != nil {
			client.Close()
			continue
		}
		p.mu.Lock()
		p.conns = append(p.conns, client, broker)
		p.mu.Unlock()
		go pass(client, broker, func([]byte) {})
		go pass(broker, client, (&consumes{proxy: p, skip: protocolHeader}).read)
	}
}

// AMQP's frames (specification 0-9-1, section 2.3.5): type, channel, size, payload, end; behind a protocol header of 8 bytes. The
// payload of a method begins with its class and its own number.
const (
	protocolHeader = 8
	frameHead      = 7
	frameEnd       = 1
	methodFrame    = 1
	basicConsume   = 60<<16 | 20
)

// pass hands on what one side says, and then shows it.
func pass(to, from net.Conn, show func([]byte)) {
	defer to.Close()
	buffer := make([]byte, 16<<10)
	for {
		n, err := from.Read(buffer)
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
		show(buffer[:n])
		if err != nil {
			return
		}
	}
}

// consumes looks for basic.consume in what a client says.
type consumes struct {
	proxy *proxy
	skip  int    // bytes that come first
	part  []byte // of a frame that is not whole yet
}

func (c *consumes) read(b []byte) {
	n := min(c.skip, len(b))
	c.skip -= n
	c.part = append(c.part, b[n:]...)
	for len(c.part) >= frameHead {
		size := int(binary.BigEndian.Uint32(c.part[3:]))
		if len(c.part) < frameHead+size+frameEnd {
			return
		}
		if c.part[0] == methodFrame {
			c.proxy.note(c.part[frameHead:][:size])
		}
		c.part = c.part[frameHead+size+frameEnd:]
	}
}

// note takes the queue's name from a basic.consume: behind the method's number and a reserved short, a short string.
func (p *proxy) note(method []byte) {
	const name = 6
	if len(method) <= name || binary.BigEndian.Uint32(method) != basicConsume {
		return
	}
	now := time.Now()
	queue := string(method[name+1:][:method[name]])
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.times[queue].IsZero() {
		p.times[queue] = now
	}
}

// consumed is when a queue began to be consumed, zero before.
func (p *proxy) consumed(queue string) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.times[queue]
}

func (p *proxy) close() {
	p.listener.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		c.Close()
	}
}
