package clerkapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Errors to compare with errors.Is. The first group is made before a call, which then is not made.
var (
	// ErrInvalidID reports an id that cannot be one: empty, a dot segment, with separators, also percent-encoded.
	ErrInvalidID = errors.New("invalid id")
	// ErrInvalidParams reports missing or out-of-range parameters.
	ErrInvalidParams = errors.New("invalid parameters")
	// ErrMissingKey reports a call whose key was not given to New.
	ErrMissingKey = errors.New("no key for this call")

	// ErrNotFound matches an APIError with status 404.
	ErrNotFound = errors.New("not found")
	// ErrUnauthorized matches an APIError with status 401. For RefreshSession it means that the refresh was refused,
	// for other calls that the key was.
	ErrUnauthorized = errors.New("unauthorized")
	// ErrRateLimited matches an APIError with status 429.
	ErrRateLimited = errors.New("rate limited")
	// ErrRedirect matches an APIError with a 3xx status. Redirects are never followed: they would carry the key along.
	ErrRedirect = errors.New("redirect refused")

	// ErrBodyTooLarge reports a reply longer than Options.MaxBodyBytes; nothing of it is kept.
	ErrBodyTooLarge = errors.New("reply body too large")
	// ErrContentType is inside a DecodeError: a 2xx reply whose Content-Type is no JSON media type.
	ErrContentType = errors.New("content type is not JSON")
	// ErrNoContent is inside a DecodeError: a 204 where a result was needed.
	ErrNoContent = errors.New("no content")
	// ErrTokenInactive reports a machine token that the API knows but that is revoked, expired or inactive.
	ErrTokenInactive = errors.New("token is revoked, expired or inactive")
)

// APIError is a reply with a status other than 2xx. Match it with errors.As, or with errors.Is against ErrNotFound,
// ErrUnauthorized, ErrRateLimited and ErrRedirect. Its text holds the status, the codes and the trace id; the
// messages are left to Errors because a server may quote in them what it was sent.
type APIError struct {
	Response *Response   // never nil
	Errors   []ErrorItem // empty when the body was not Clerk's error JSON
	TraceID  string      // for Clerk's support; "" when unknown
}

// ErrorItem is one entry of an error body.
type ErrorItem struct {
	Code        string          `json:"code"`         // machine-readable, e.g. "resource_not_found"; "" when the server left it out
	Message     string          `json:"message"`      // short text for developers
	LongMessage string          `json:"long_message"` // may be ""
	Meta        json.RawMessage `json:"meta"`         // free-form object, may be nil
}

// UnmarshalJSON reads the known members, by their exact names.
func (e *ErrorItem) UnmarshalJSON(data []byte) error {
	type plain ErrorItem // without this method
	return decodeJSON(data, (*plain)(e))
}

// ParamName returns meta.param_name, the parameter that a 422 is about, or "".
func (e ErrorItem) ParamName() string {
	var meta struct {
		ParamName string `json:"param_name"`
	}
	if decodeJSON(e.Meta, &meta) != nil {
		return ""
	}
	return meta.ParamName
}

// Error describes the reply by status, codes and trace id.
func (e *APIError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "status %d", e.Response.StatusCode)
	for i, item := range e.Errors {
		if i == 5 { // enough for a log line
			b.WriteString(" …")
			break
		}
		if item.Code != "" {
			b.WriteString(" " + printable(item.Code))
		}
	}
	if e.TraceID != "" {
		fmt.Fprintf(&b, " (trace %s)", printable(e.TraceID))
	}
	return b.String()
}

// Code returns the code of the first error, or "". Errors tells no error from one without a code.
func (e *APIError) Code() string {
	if len(e.Errors) == 0 {
		return ""
	}
	return e.Errors[0].Code
}

// Is matches the sentinel errors that stand for a status.
func (e *APIError) Is(target error) bool {
	switch target {
	case ErrNotFound:
		return e.IsNotFound()
	case ErrUnauthorized:
		return e.IsUnauthorized()
	case ErrRateLimited:
		return e.IsRateLimited()
	case ErrRedirect:
		return e.Response.StatusCode/100 == 3
	}
	return false
}

// IsNotFound says whether the status is 404.
func (e *APIError) IsNotFound() bool { return e.Response.StatusCode == http.StatusNotFound }

// IsUnauthorized says whether the status is 401.
func (e *APIError) IsUnauthorized() bool { return e.Response.StatusCode == http.StatusUnauthorized }

// IsRateLimited says whether the status is 429; RetryAfter then says how long to wait, if known.
func (e *APIError) IsRateLimited() bool { return e.Response.StatusCode == http.StatusTooManyRequests }

// RetryAfter returns how long Clerk asked to wait before the next call, at most a day, 0 when it did not say.
func (e *APIError) RetryAfter() time.Duration { return e.Response.RetryAfter }

// DecodeError is a 2xx reply that is not what the operation answers with. It wraps ErrContentType, ErrNoContent, or
// the problem of the JSON.
type DecodeError struct {
	Response *Response // never nil
	Err      error
}

// Error says what is wrong with the reply, without quoting it.
func (e *DecodeError) Error() string {
	return fmt.Sprintf("decode reply with status %d: %v", e.Response.StatusCode, e.Err)
}

// Unwrap returns the cause.
func (e *DecodeError) Unwrap() error { return e.Err }

// TransportError is a call without a complete reply: connection, TLS, timeout, cancellation. When the beginning of a
// reply had arrived, the Response beside the error is not nil and the text says what became of its body. errors.Is finds
// context.Canceled and context.DeadlineExceeded in it.
type TransportError struct {
	Err  error // cause, as the transport gave it; its own text may hold the URL
	text string
}

// Error describes the cause without URL and keys.
func (e *TransportError) Error() string { return e.text }

// Unwrap returns the cause.
func (e *TransportError) Unwrap() error { return e.Err }

// noReply and lostBody say how far a call came that has no complete reply.
const noReply = "no reply"

func lostBody(err, ctxErr error) string {
	late, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	if ok && late.Timeout() || errors.Is(ctxErr, context.DeadlineExceeded) {
		return "the reply's body did not arrive in time"
	}
	return "the reply's body broke off"
}

// newTransportError makes the text safe: a url.Error quotes the URL, whose query can be a handshake nonce, and a
// transport that the caller wrote may quote the headers it was given.
//
// what says how far the call came.
func newTransportError(what string, err, ctxErr error, secrets ...string) *TransportError {
	shown := err
	if ue, ok := errors.AsType[*url.Error](err); ok {
		shown = ue.Err
	}
	text := what
	if shown != nil {
		text += ": " + shown.Error()
	}
	for _, s := range secrets {
		if s != "" {
			text = strings.ReplaceAll(text, s, "[redacted]")
		}
	}
	// net/http reports a context's cause, which need not wrap the context's error.
	if ctxErr != nil && !errors.Is(err, ctxErr) {
		err = errors.Join(ctxErr, err)
	}
	return &TransportError{Err: err, text: text}
}

// invalidParams says what is wrong with the arguments of an operation that was not called.
func invalidParams(operation, problem string) error {
	return fmt.Errorf("clerkapi: %s: %w: %s", operation, ErrInvalidParams, problem)
}

// printable keeps what a code or trace id is made of, so that a reply cannot write into a log.
func printable(s string) string {
	if len(s) > 100 {
		s = s[:100]
	}
	return strings.Map(func(r rune) rune {
		if r > ' ' && r < 0x7f {
			return r
		}
		return '?'
	}, s)
}
