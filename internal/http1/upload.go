package http1

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/clerkgate/clerkgate/internal/wire"
)

const (
	// copySize is the size of buffers for bodies.
	copySize = 32 << 10
	// sentWait is how long the end of a response waits for the end of the request's
	// body before the connection is closed. An upstream may answer the last byte before
	// the sending goroutine can say that it has been sent.
	sentWait = 50 * time.Millisecond
	// firstBytesWait is how long a GET or the like waits for the first byte of a body
	// that may be empty.
	firstBytesWait = 200 * time.Millisecond
)

var errNotSent = errors.New("the body was not asked for")

// upload sends a request's body, in a goroutine of its own: the upstream may answer
// before it has seen the end.
type upload struct {
	c       *conn
	turn    uint64
	body    io.ReadCloser
	length  int64       // -1: chunked
	trailer http.Header // nil: none
	proceed chan bool   // says whether to send; nil: at once
	told    bool        // 100 Continue has come; belongs to the round trip

	done chan struct{} // closed at the end
	err  error         // why it ended; may be read once done is closed
}

// upload starts sending what follows the header.
func (c *conn) upload(cl *call) *upload {
	up := &upload{c: c, turn: c.watch.turn, body: cl.body, length: cl.length, done: make(chan struct{})}
	if cl.trailer {
		up.trailer = cl.req.Trailer
	}
	if cl.expect {
		up.proceed = make(chan bool, 1)
	}
	cl.handedOver = true
	go up.run()
	return up
}

func (up *upload) run() {
	sent, err := false, errNotSent
	if up.wanted() {
		sent, err = up.send()
	}
	if closeErr := up.body.Close(); closeErr != nil && err == nil {
		err = closeErr
	}
	up.err = err
	close(up.done)
	switch {
	case sent:
		// Also when the upstream took no more: it may have answered before.
		up.c.bodySent(up.turn)
	case !errors.Is(err, errNotSent):
		// Half a body must not look like a whole one, and no response will come.
		up.c.cut(up.turn, err)
	}
}

// wanted waits until the upstream says whether it wants the body, for a limited time:
// old servers do not know 100 Continue.
func (up *upload) wanted() bool {
	if up.proceed == nil {
		return true
	}
	timer := time.NewTimer(up.c.t.continueAfter)
	defer timer.Stop()
	select {
	case ok := <-up.proceed:
		return ok
	case <-timer.C:
		return true
	}
}

// decide tells a body that waits whether it is sent; the first decision counts.
func (up *upload) decide(ok bool) {
	if up == nil || up.proceed == nil {
		return
	}
	select {
	case up.proceed <- ok:
	default:
	}
}

// send copies the body. It returns false if the body could not be read to its end.
func (up *upload) send() (sent bool, err error) {
	buf, _ := up.c.t.buffers.Get().(*[]byte)
	defer up.c.t.buffers.Put(buf)
	if up.length >= 0 {
		return up.sendLength(*buf)
	}
	return up.sendChunks(*buf)
}

func (up *upload) sendLength(buf []byte) (bool, error) {
	for rest, ended := up.length, false; rest > 0 || !ended; {
		if rest == 0 {
			if err := atEnd(up.body); err != nil {
				return false, bodyError(err)
			}
			return true, nil
		}
		n, err := up.body.Read(buf[:min(int64(len(buf)), rest)])
		if n > 0 {
			if _, err := up.c.nc.Write(buf[:n]); err != nil {
				return true, err
			}
			rest -= int64(n)
		}
		switch {
		case errors.Is(err, io.EOF) && rest > 0:
			return false, bodyError(io.ErrUnexpectedEOF)
		case errors.Is(err, io.EOF):
			ended = true
		case err != nil:
			return false, bodyError(err)
		}
	}
	return true, nil
}

// sendChunks sends each piece of the body as a chunk, in one write: the size is put
// in front of it in the buffer.
func (up *upload) sendChunks(buf []byte) (bool, error) {
	const front, back = 6, 2 // "8000\r\n" and "\r\n"
	for {
		n, err := up.body.Read(buf[front : len(buf)-back])
		if n > 0 {
			var size [front]byte
			head := append(strconv.AppendInt(size[:0], int64(n), 16), "\r\n"...)
			start := front - len(head)
			copy(buf[start:], head)
			copy(buf[front+n:], "\r\n")
			if _, err := up.c.nc.Write(buf[start : front+n+back]); err != nil {
				return true, err
			}
		}
		if errors.Is(err, io.EOF) {
			return up.sendTrailer(buf)
		}
		if err != nil {
			return false, bodyError(err)
		}
	}
}

// sendTrailer ends the chunks. The trailers' values are known only now.
func (up *upload) sendTrailer(buf []byte) (bool, error) {
	if err := checkTrailer(up.trailer); err != nil {
		return false, err
	}
	b := append(buf[:0], "0\r\n"...)
	for name, values := range up.trailer {
		for _, v := range values {
			b = append(b, name...)
			b = append(b, ": "...)
			b = append(b, wire.Trim(v)...)
			b = append(b, "\r\n"...)
		}
	}
	_, err := up.c.nc.Write(append(b, "\r\n"...))
	return true, err
}

func bodyError(err error) error {
	return fmt.Errorf("http1: request body: %w", err)
}

// complete reports whether everything has been sent, so that the connection may be used
// again.
func (up *upload) complete() bool {
	if up == nil {
		return true
	}
	select {
	case <-up.done:
		return up.err == nil
	default:
	}
	timer := time.NewTimer(sentWait)
	defer timer.Stop()
	select {
	case <-up.done:
		return up.err == nil
	case <-timer.C:
		return false
	}
}

// failure returns why sending failed, or nil if it has not failed or not ended yet.
func (up *upload) failure() error {
	if up == nil {
		return nil
	}
	select {
	case <-up.done:
		if !errors.Is(up.err, errNotSent) {
			return up.err
		}
	default:
	}
	return nil
}

// firstBytes waits a moment for the first byte of a body of unknown length. If the body
// turns out to be empty, the request is sent without a body.
func (cl *call) firstBytes(ctx context.Context) error {
	f := &firstBytes{ReadCloser: cl.body, done: make(chan struct{})}
	go func() {
		f.n, f.err = io.ReadFull(f.ReadCloser, f.b[:])
		close(f.done)
	}()
	cl.body = f
	timer := time.NewTimer(firstBytesWait)
	defer timer.Stop()
	select {
	case <-f.done:
		if errors.Is(f.err, io.EOF) {
			cl.body, cl.length = nil, 0
			cl.handedOver = true
			return f.Close()
		}
	case <-timer.C: // the body waits for something, perhaps for the response
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}

// firstBytes is a body whose first byte was read ahead.
type firstBytes struct {
	io.ReadCloser
	done chan struct{}
	b    [1]byte
	n    int
	err  error
	used bool
}

func (f *firstBytes) Read(p []byte) (int, error) {
	if f.used || len(p) == 0 {
		return f.ReadCloser.Read(p)
	}
	<-f.done
	f.used = true
	return copy(p, f.b[:f.n]), f.err
}
