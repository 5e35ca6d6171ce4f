package http1

import (
	"errors"
	"io"
)

// stage is where an exchange stands.
type stage uint8

const (
	probing   stage = iota // is the idle connection alive and silent?
	sending                // the request
	receiving              // the first of the response
	blocked                // the system takes no more of the request now
	done
)

// exchange sends out and, with await, reads the first bytes of the response. Before
// that it makes sure of a reused connection.
//
// All of it happens in one visit to the connection: the poller's state is reset,
// a read that finds nothing proves the connection alive and silent, and because
// nothing was there, the wait for the response can begin as soon as the request is
// written. net/http's order, write and then try to read, makes as many system
// calls and proves nothing.
func (c *conn) exchange(out []byte, await bool) error {
	c.out, c.await = out, await
	err := c.visit()
	c.out = nil
	if err != nil && !c.received {
		return &lostError{err}
	}
	return err
}

func (c *conn) visit() error {
	if c.raw == nil {
		return c.rest()
	}
	c.stage, c.probed = sending, false
	if c.reused {
		c.stage = probing
	}
	if err := c.raw.Read(c.fd); err != nil {
		return err
	}
	if c.stage == blocked {
		return c.rest()
	}
	return c.err
}

// rest does by plain calls what remains of an exchange.
func (c *conn) rest() error {
	n, err := c.nc.Write(c.out[c.sent:])
	c.sent += n
	if err != nil || !c.await {
		return err
	}
	return c.fill(len(c.in))
}

// advance is called by the poller, at first and whenever there may be something to
// read, until it returns true.
func (c *conn) advance(fd uintptr) bool {
	switch c.stage {
	case probing:
		n, again, err := readFD(fd, c.in)
		switch {
		case again:
			c.stage, c.probed = sending, true
		case n > 0:
			return c.finish(errUnsolicited)
		case errors.Is(err, io.EOF):
			return c.finish(errStale)
		default:
			return c.finish(err)
		}
		fallthrough
	case sending:
		for c.sent < len(c.out) {
			n, again, err := writeFD(fd, c.out[c.sent:])
			c.sent += n
			if again {
				c.stage = blocked
				return true
			}
			if err != nil {
				return c.finish(err)
			}
		}
		if !c.await {
			return c.finish(nil)
		}
		c.stage = receiving
		if c.probed {
			return false
		}
		fallthrough
	default:
		n, again, err := readFD(fd, c.in[c.w:])
		if again {
			return false
		}
		c.w += n
		c.received = n > 0
		return c.finish(err)
	}
}

func (c *conn) finish(err error) bool {
	c.stage, c.err = done, err
	return true
}
