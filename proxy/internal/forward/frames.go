package forward

import (
	"encoding/binary"
	"io"
	"sync"
	"sync/atomic"
)

// goingAway is the close frame that tells a client that its server is shutting down:
// status 1001 (RFC 6455, section 7.4.1). Frames of a server are not masked.
const goingAway = "\x88\x02\x03\xe9"

// sessionOver and serviceRestart are the close frames for an [Ending]: status 1008 ("policy
// violation") tells a client that it may not go on, and 1012 (of the IANA's registry) that
// it may come again.
const (
	sessionOver    = "\x88\x02\x03\xf0"
	serviceRestart = "\x88\x02\x03\xf4"
)

// closeFrame returns the close frame for a client.
func (e Ending) closeFrame() string {
	if e == TokenStale {
		return serviceRestart
	}
	return sessionOver
}

// masked returns one of these frames as a client sends it (RFC 6455, section 5.3). The mask is
// zero: it protects against the scripts of a browser, and there are none here.
func masked(frame string) string { return "\x88\x82\x00\x00\x00\x00" + frame[2:] }

// opClose is the opcode of a close frame (RFC 6455, section 5.2).
const opClose = 8

// frames tracks the frames of one direction of a WebSocket connection, so that another
// frame can be inserted between two of them. It only looks at the headers (RFC 6455,
// section 5.2).
type frames struct {
	header  [14]byte // of the current frame, if it is incomplete
	have    int      // how many bytes of header have arrived
	payload uint64   // how many bytes of the payload are missing
	closed  bool     // a close frame has begun, which must be the last
}

// between reports whether the last frame is complete.
func (f *frames) between() bool { return f.have == 0 && f.payload == 0 }

// next consumes the bytes of p up to the end of a frame, or all of p, and returns how
// many these are.
func (f *frames) next(p []byte) (n int) {
	for f.payload == 0 && n < len(p) {
		f.header[f.have] = p[n]
		f.have++
		n++
		if f.have < 2 || f.have < f.headerSize() {
			continue
		}
		f.closed = f.closed || f.header[0]&0x0f == opClose
		f.have, f.payload = 0, f.payloadSize()
		if f.payload == 0 {
			return n
		}
	}
	rest := min(f.payload, uint64(len(p)-n)) //nolint:gosec // not negative
	f.payload -= rest
	return n + int(rest) //nolint:gosec // at most len(p)
}

// headerSize returns the size of the header. It needs the first two bytes.
func (f *frames) headerSize() int {
	size := 2
	switch f.header[1] & 0x7f {
	case 126:
		size += 2
	case 127:
		size += 8
	}
	if f.header[1]&0x80 != 0 {
		size += 4 // the masking key
	}
	return size
}

func (f *frames) payloadSize() uint64 {
	switch short := f.header[1] & 0x7f; short {
	case 126:
		return uint64(binary.BigEndian.Uint16(f.header[2:]))
	case 127:
		return binary.BigEndian.Uint64(f.header[2:])
	default:
		return uint64(short)
	}
}

// closable is one direction of a WebSocket, which can end with a close frame.
type closable struct {
	io.Writer
	isCut atomic.Bool // nothing more may pass, not even the rest of a frame

	mu     sync.Mutex // held while something is written
	frames frames
	ending string // the close frame that follows the current frame; "" for none yet
	ended  bool   // nothing may follow
}

// Write discards what comes after the close frame. An upstream learns of it from the
// client's own close frame, which is passed on.
func (c *closable) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended || c.isCut.Load() {
		return len(p), nil
	}
	for sent := 0; sent < len(p); {
		taken := c.frames.next(p[sent:])
		for c.ending == "" && sent+taken < len(p) {
			taken += c.frames.next(p[sent+taken:])
		}
		n, err := c.Writer.Write(p[sent : sent+taken])
		if err != nil {
			return sent + n, err
		}
		sent += taken
		if c.ending != "" && c.frames.between() {
			return len(p), c.close()
		}
	}
	return len(p), nil
}

// End sends a close frame as soon as the last frame is complete, unless one has been sent.
func (c *closable) End(frame string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ending = frame
	if c.ended || !c.frames.between() {
		return nil
	}
	return c.close()
}

// Cut discards all that is written from now on. [closable.End] still sends a close frame if
// the last frame is complete.
func (c *closable) Cut() { c.isCut.Store(true) }

func (c *closable) close() error {
	c.ended = true
	if c.frames.closed {
		return nil
	}
	_, err := io.WriteString(c.Writer, c.ending)
	return err
}
