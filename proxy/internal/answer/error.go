package answer

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"
)

// Error is a failure with the response that it should get.
type Error struct {
	Status  int
	Code    string // for programs, such as request_timeout
	Message string // for people, a sentence
	Err     error  // the cause, for the log; may be nil
}

// Error returns the text of the cause, which is for the log only.
func (e *Error) Error() string {
	if e.Err == nil {
		return e.Message
	}
	return e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// RoundTripFailed returns the response for a request to another server that failed with err.
func RoundTripFailed(err error) (status int, code string) {
	var timeout net.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout() {
		return http.StatusGatewayTimeout, "upstream_timeout"
	}
	return http.StatusBadGateway, "upstream_unavailable"
}

// Outcome is what became of a request to another server. It is updated as things happen, so
// that it is correct even if the handler panics with [http.ErrAbortHandler].
type Outcome struct {
	Status  int           // of that server's response; 0 if there was none
	Err     error         // why that server's response was not sent, or not all of it
	Address string        // of that server; "" if it was not asked
	Took    time.Duration // until its response began, or failed
}

// Refused tells a ResponseWriter that has a method Refused(code string), such as one that is
// wrapped for the access log, the code of the refusal that is about to be written.
func Refused(w http.ResponseWriter, code string) {
	for {
		switch inner := w.(type) {
		case interface{ Refused(code string) }:
			inner.Refused(code)
			return
		case interface{ Unwrap() http.ResponseWriter }:
			w = inner.Unwrap()
		default:
			return
		}
	}
}
