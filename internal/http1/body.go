package http1

import (
	"errors"
	"io"
	"net/http"
	"sync/atomic"
)

// States of a body. Whoever moves it on from open decides on the connection.
const (
	bodyOpen uint32 = iota
	bodyEnded
	bodyClosed
)

// body reads the body of a response. At its end the connection goes back to the
// pool. Close may be called while another goroutine reads.
type body struct {
	c     *conn
	up    *upload // nil: the whole request has been sent
	res   *http.Response
	rest  int64 // of the body, or of the chunk
	kind  bodyKind
	keep  bool // the connection may be used again
	chunk chunkState
	state atomic.Uint32
	err   error // of the end
}

var _ io.WriterTo = (*body)(nil)

// Read reads the body; the last bytes may come along with io.EOF.
func (b *body) Read(p []byte) (int, error) {
	if err := b.over(); err != nil {
		return 0, err
	}
	if len(p) == 0 {
		return 0, nil
	}
	n, err := b.read(p)
	if err != nil {
		err = b.end(err)
	}
	return n, err
}

func (b *body) over() error {
	switch b.state.Load() {
	case bodyEnded:
		return b.err
	case bodyClosed:
		return errBodyClosed
	}
	return nil
}

func (b *body) read(p []byte) (n int, err error) {
	switch b.kind {
	case bodyLength:
		n, err = b.c.read(p, b.rest)
		b.rest -= int64(n)
		switch {
		case b.rest == 0:
			err = io.EOF
		default:
			err = cutShort(err)
		}
	case bodyChunked:
		return b.readChunked(p)
	default:
		n, err = b.c.read(p, int64(len(p)))
	}
	return n, err
}

// read reads up to limit bytes of p: from the buffer; else past it, unless p is so
// small that it would be read in crumbs.
func (c *conn) read(p []byte, limit int64) (int, error) {
	if int64(len(p)) > limit {
		p = p[:limit]
	}
	if c.r == c.w {
		if len(p) >= len(c.in)/2 {
			return c.nc.Read(p)
		}
		if err := c.fill(len(c.in)); err != nil {
			return 0, err
		}
	}
	n := copy(p, c.in[c.r:c.w])
	c.r += n
	return n, nil
}

// end is called once, with the first error of a read. It returns the error for the
// reader.
func (b *body) end(err error) error {
	ended := errors.Is(err, io.EOF)
	if !ended {
		if cause := b.c.cancelled(); cause != nil {
			err = cause
		}
	}
	b.err = err
	if !b.state.CompareAndSwap(bodyOpen, bodyEnded) {
		return errBodyClosed
	}
	b.c.end(ended && b.keep && b.up.complete())
	b.c = nil // another request may use it now
	return err
}

// Close closes the connection if the body has not been read to its end.
func (b *body) Close() error {
	if b.state.CompareAndSwap(bodyOpen, bodyClosed) {
		b.c.drop()
	}
	return nil
}

// drop ends a request whose response is not read to its end. Another goroutine may be
// reading it.
func (c *conn) drop() {
	_ = c.release() // nobody is told
	c.t.pool.leave(c)
	c.close()
}

// Arrived reports whether the whole body has come, so that nobody has to wait for
// more of it.
func (b *body) Arrived() bool {
	return b.state.Load() == bodyOpen && b.kind == bodyLength && int64(b.c.w-b.c.r) >= b.rest
}

// WriteTo writes what is left of the body. What the connection has buffered is
// written from there.
func (b *body) WriteTo(w io.Writer) (written int64, err error) {
	if err := b.over(); err != nil {
		return 0, noEOF(err)
	}
	if b.kind == bodyLength && int64(b.c.w-b.c.r) >= b.rest {
		return b.writeBuffered(w)
	}
	t := b.c.t
	buf, _ := t.buffers.Get().(*[]byte)
	defer t.buffers.Put(buf)
	for {
		n, err := b.Read(*buf)
		if n > 0 {
			m, err := w.Write((*buf)[:n])
			written += int64(m)
			if err != nil {
				return written, err
			}
			if m < n {
				return written, io.ErrShortWrite
			}
		}
		if err != nil {
			return written, noEOF(err)
		}
	}
}

// writeBuffered writes a body that has come already.
func (b *body) writeBuffered(w io.Writer) (int64, error) {
	c := b.c
	p := c.in[c.r : c.r+int(b.rest)]
	n, err := w.Write(p)
	c.r += n
	b.rest -= int64(n)
	switch {
	case err != nil:
		return int64(n), err
	case b.rest > 0:
		return int64(n), io.ErrShortWrite
	}
	return int64(n), noEOF(b.end(io.EOF))
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
