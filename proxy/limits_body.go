package proxy

import (
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/clerkgate/clerkgate/proxy/internal/answer"
)

// errStalled is what reading a body comes to whose client sends nothing for too
// long.
var errStalled = errors.New("the client stopped sending the body of its request")

// refusal is how a request is answered whose body came to err; nil when that is not
// the client's doing.
func refusal(err error) *answer.Error {
	var tooLarge *http.MaxBytesError
	switch {
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
	}
	return nil
}

// guardedBody bounds the body of a request: its size, and how long one read may
// wait for the client. Time in which nobody reads does not count, so that a slow
// upstream is not its client's fault.
//
// The deadlines are of the real clock, as those of sockets are.
type guardedBody struct {
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
func (b *guardedBody) Read(p []byte) (int, error) {
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

func (b *guardedBody) before() error {
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
func (b *guardedBody) renew() {
	if b.control == nil {
		return
	}
	if now := time.Now(); now.Sub(b.renewed) > b.idle/4 {
		b.renewed = now
		// A connection that takes no deadlines has failed already.
		_ = b.control.SetReadDeadline(now.Add(b.idle + b.idle/4))
	}
}

func (b *guardedBody) after(n int, err error) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.max > 0 && int64(n) > b.left {
		n, err = int(b.left), &http.MaxBytesError{Limit: b.max}
	}
	b.left -= int64(n)
	switch {
	case err == nil:
	case err == io.EOF:
		b.eof = true
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = errStalled
		fallthrough
	default:
		b.failure = err
	}
	return n, err
}

func (b *guardedBody) Close() error { return b.from.Close() }

// failed says that the rest of the body will not come.
func (b *guardedBody) failed() bool { return b.problem() != nil }

func (b *guardedBody) problem() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.failure
}

// bodyFailure is what is wrong with the body of a request whose client is still
// there: it stalled, or was too large. net/http takes a client for gone, and
// cancels the context, when its connection had to be given a deadline.
func bodyFailure(r *http.Request) *answer.Error {
	body, ok := r.Body.(*guardedBody)
	if !ok {
		return nil
	}
	if r.Context().Err() != nil {
		// The read that may have been the cause is ending, but may not have said so.
		body.reading.Lock()
		defer body.reading.Unlock()
	}
	return refusal(body.problem())
}

// finish lets go of the connection, and says whether the body was read whole.
func (b *guardedBody) finish() (whole bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.done = true
	if b.watch != nil {
		b.watch.finish()
	}
	return b.eof
}

// watch calls abort when what is between begin and end takes longer than idle. It
// costs no goroutine.
type watch struct {
	idle  time.Duration
	abort func()

	mu    sync.Mutex
	timer *time.Timer
	armed bool
}

func (w *watch) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.armed = true
	if w.timer == nil {
		w.timer = time.AfterFunc(w.idle, w.fire)
		return
	}
	w.timer.Reset(w.idle)
}

func (w *watch) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.armed = false
	w.timer.Stop()
}

// fire holds the lock while it aborts, so that nothing is aborted after end: the
// stream may be another request's by then.
func (w *watch) fire() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.armed {
		w.abort()
	}
}

func (w *watch) finish() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.armed = false
	if w.timer != nil {
		w.timer.Stop()
	}
}
