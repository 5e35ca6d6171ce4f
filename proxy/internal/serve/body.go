package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/clerkgate/clerkgate/proxy/internal/answer"
)

// errStalled is the error of reading a body whose client sends nothing for too long.
var errStalled = errors.New("the client stopped sending the body of its request")

// refusal returns the response to a request whose body failed with err. It is nil if
// the client has gone, or did not cause the error.
func (b *boundedBody) refusal(err error) *answer.Error {
	var tooLarge *http.MaxBytesError
	var connection net.Error
	switch {
	case err == nil:
	case errors.Is(err, errStalled):
		return &answer.Error{
			Status: http.StatusRequestTimeout, Code: "request_timeout", Err: err,
			Message: "What was to be sent did not arrive in time. Try again.",
		}
	case errors.As(err, &tooLarge):
		return &answer.Error{
			Status: http.StatusRequestEntityTooLarge, Code: "request_too_large", Err: err,
			Message: "What was sent is larger than this server accepts.",
		}
	case b.control == nil: // net/http has ended the stream
	case errors.As(err, &connection), errors.Is(err, net.ErrClosed), errors.Is(err, http.ErrBodyReadAfterClose):
	default:
		// What remains for a body over HTTP/1 is invalid framing, or an early end.
		return &answer.Error{
			Status: http.StatusBadRequest, Code: "request_malformed", Err: fmt.Errorf("read the body of the request: %w", err),
			Message: "What was sent is not a whole and valid request.",
		}
	}
	return nil
}

// boundedBody bounds the body of a request: its size, and how long one read may
// wait for the client. Time between reads does not count, so that a client is not
// blamed for a slow upstream.
//
// Deadlines use the real clock, as those of sockets do.
type boundedBody struct {
	from io.ReadCloser
	max  int64 // 0 for no limit
	idle time.Duration

	// One of the two is set, depending on the version of HTTP.
	control *http.ResponseController // HTTP/1: of the connection
	watch   *watch                   // HTTP/2: of the stream

	reading sync.Mutex // held while a read is under way

	mu      sync.Mutex
	left    int64     // what remains of max
	read    int64     // what has been received
	renewed time.Time // when the connection's deadline was last set
	eof     bool
	done    bool  // the handler has returned: the connection no longer belongs to this request
	failure error // sticky
}

// Read is called by one goroutine at a time, which may be the transport's and
// may outlive the handler.
func (b *boundedBody) Read(p []byte) (int, error) {
	b.reading.Lock()
	defer b.reading.Unlock()
	if err := b.before(); err != nil {
		return 0, err
	}
	if b.watch != nil {
		b.watch.begin()
	}
	n, err := b.from.Read(p)
	if b.watch != nil {
		b.watch.end()
	}
	return b.after(n, err)
}

func (b *boundedBody) before() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.failure != nil:
		return b.failure
	case b.eof:
		return io.EOF // without a deadline: net/http listens for the client to hang up
	case b.done:
		return http.ErrBodyReadAfterClose
	}
	b.renew()
	return nil
}

// renew extends the connection's deadline, at most four times per idle: a read has
// idle to make progress, and up to a quarter more.
func (b *boundedBody) renew() {
	if b.control == nil {
		return
	}
	if now := time.Now(); now.Sub(b.renewed) > b.idle/4 {
		b.renewed = now
		// A connection that refuses a deadline has already failed.
		_ = b.control.SetReadDeadline(now.Add(b.idle + b.idle/4))
	}
}

func (b *boundedBody) after(n int, err error) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.max > 0 && int64(n) > b.left {
		n, err = int(b.left), &http.MaxBytesError{Limit: b.max}
	}
	b.left -= int64(n)
	b.read += int64(n)
	switch {
	case err == nil:
	case errors.Is(err, io.EOF):
		b.eof = true
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = errStalled
		fallthrough
	default:
		b.failure = err
	}
	return n, err
}

// Received returns how many bytes of the body have been read.
func (b *boundedBody) Received() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.read
}

func (b *boundedBody) Close() error { return b.from.Close() }

// failed reports whether the rest of the body will not arrive.
func (b *boundedBody) failed() bool { return b.problem() != nil }

func (b *boundedBody) problem() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.failure
}

// Failure returns why the rest of the body will not arrive, if the client caused that
// and can still be told; otherwise nil. net/http considers a client gone, and cancels
// the request's context ctx, if a deadline was set on its connection.
func (b *boundedBody) Failure(ctx context.Context) *answer.Error {
	if ctx.Err() != nil {
		// The read that may be the cause is returning, but may not have recorded its error.
		b.reading.Lock()
		defer b.reading.Unlock()
	}
	return b.refusal(b.problem())
}

// finish releases the connection, and reports whether the whole body was read.
func (b *boundedBody) finish() (whole bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.done = true
	if b.watch != nil {
		b.watch.finish()
	}
	return b.eof
}
