package http1

import (
	"context"
	"errors"
	"io"
	"os"
)

var (
	errStale       = errors.New("upstream closed the idle connection")
	errUnsolicited = errors.New("upstream sent something before it was asked")
	errTooLarge    = errors.New("http1: answer's header is too large")
	errBodyClosed  = errors.New("http1: read on closed body")
)

// lostError says that the connection failed before any byte of the response.
type lostError struct{ err error }

func (e *lostError) Error() string { return "http1: connection lost: " + e.err.Error() }
func (e *lostError) Unwrap() error { return e.err }

// ErrMalformedAnswer is matched by the error of a round trip or of a body if the
// response was not valid HTTP/1.1, or could be read in two ways. The error's text says
// what was wrong.
var ErrMalformedAnswer = errors.New("malformed answer")

// malformed says how a response is malformed. The text quotes nothing of the response,
// which may be secret.
type malformed string

func (e malformed) Error() string        { return "http1: malformed answer: " + string(e) }
func (e malformed) Is(target error) bool { return target == ErrMalformedAnswer }

// invalid is a request that must not be sent.
type invalid string

func (e invalid) Error() string { return "http1: invalid request: " + string(e) }

// timeoutError is a [net.Error], like that of net/http's Transport.
type timeoutError struct{}

func (*timeoutError) Error() string        { return "http1: timeout awaiting response headers" }
func (*timeoutError) Timeout() bool        { return true }
func (*timeoutError) Temporary() bool      { return true }
func (*timeoutError) Is(target error) bool { return target == context.DeadlineExceeded }

// explain finds the reason behind an error in a round trip: the end of the
// context or the time limit, when these cut the connection.
func (c *conn) explain(err error) error {
	if cause := c.cancelled(); cause != nil {
		return cause
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return &timeoutError{}
	}
	var lost *lostError
	if errors.As(err, &lost) {
		return &lostError{cutShort(lost.err)}
	}
	return cutShort(err)
}

func cutShort(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
