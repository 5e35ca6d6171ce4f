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

// errStalled is what reading a body comes to whose client sends nothing for too
// long.
var errStalled = errors.New("the client stopped sending the body of its request")

// refusal is how a request is answered whose body came to err; nil when the client
// has gone, or the end of the request was not its doing.
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
			Message: "What was sent is larger than this server takes.",
		}
	case b.control == nil: // net/http has ended the stream
	case errors.As(err, &connection), errors.Is(err, net.ErrClosed), errors.Is(err, http.ErrBodyReadAfterClose):
	default:
		// Of a body over HTTP/1 nothing else is left than what its framing does not
		// allow, or that it ended before it was whole.
		return &answer.Error{
			Status: http.StatusBadRequest, Code: "request_malformed", Err: fmt.Errorf("read the body of the request: %w", err),
			Message: "What was sent is not a whole and valid request.",
		}
	}
	return nil
}

// boundedBody bounds the body of a request: its size, and how long one read may
// wait for the client. Time in which nobody reads does not count, so that a slow
// upstream is not its client's fault.
//
// The deadlines are of the real clock, as those of sockets are.
type boundedBody struct {
	from io.ReadCloser
	max  int64 // 0 for no limit
	idle time.Duration

	// Of one of the two, by the version of HTTP.
	control *http.ResponseController // HTTP/1: of the connection
	watch   *watch                   // HTTP/2: of the stream

	reading sync.Mutex // held while a read is under way

	mu      sync.Mutex
	left    int64     // of max
	renewed time.Time // when the connection's deadline was set last
	eof     bool
	done    bool  // the handler has returned: the connection is not this request's any more
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

// renew pushes the connection's deadline forward, at most four times in idle: a
// read has idle to make progress, and up to a quarter more.
func (b *boundedBody) renew() {
	if b.control == nil {
		return
	}
	if now := time.Now(); now.Sub(b.renewed) > b.idle/4 {
		b.renewed = now
		// A connection that takes no deadlines has failed already.
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

func (b *boundedBody) Close() error { return b.from.Close() }

// failed says that the rest of the body will not come.
func (b *boundedBody) failed() bool { return b.problem() != nil }

func (b *boundedBody) problem() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.failure
}

// Failure is why the rest of the body will not come, when that is the client's doing
// and the client is still there to be told; else nil. net/http takes a client for
// gone, and cancels ctx, the request's, when its connection had to be given a
// deadline.
func (b *boundedBody) Failure(ctx context.Context) *answer.Error {
	if ctx.Err() != nil {
		// The read that may have been the cause is ending, but may not have said so.
		b.reading.Lock()
		defer b.reading.Unlock()
	}
	return b.refusal(b.problem())
}

// finish lets go of the connection, and says whether the body was read whole.
func (b *boundedBody) finish() (whole bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.done = true
	if b.watch != nil {
		b.watch.finish()
	}
	return b.eof
}
