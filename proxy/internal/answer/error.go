package answer

import (
	"context"
	"errors"
	"net"
	"net/http"
)

// Error is a failure that knows how to answer it.
type Error struct {
	Status  int
	Code    string // for programs, such as request_timeout
	Message string // for people, a sentence
	Err     error  // the cause, for the log; may be nil
}

// Error is the text of the cause, which only the log gets to see.
func (e *Error) Error() string {
	if e.Err == nil {
		return e.Message
	}
	return e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// RoundTripFailed says how to answer when asking another server came to err.
func RoundTripFailed(err error) (status int, code string) {
	var timeout net.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout() {
		return http.StatusGatewayTimeout, "upstream_timeout"
	}
	return http.StatusBadGateway, "upstream_unavailable"
}

// Outcome is what became of asking another server for the answer. Who asks it fills it
// as things happen, so that it is true even when the answer ends in a panic with
// [http.ErrAbortHandler].
type Outcome struct {
	Status int   // of that server's answer; 0 when there was none
	Err    error // why the answer is not that server's, or not whole
}
