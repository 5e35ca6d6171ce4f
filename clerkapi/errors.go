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

// Errors to compare with errors.Is. Those of the first group are returned without making the call.
var (
	// ErrInvalidID means that an id is empty, a dot segment, or contains a separator, even percent-encoded.
	ErrInvalidID = errors.New("invalid id")
	// ErrInvalidParams means that parameters are missing or out of range.
	ErrInvalidParams = errors.New("invalid parameters")
	// ErrMissingKey means that the call needs a key that was not given to New.
	ErrMissingKey = errors.New("no key for this call")

	// ErrNotFound matches an APIError with status 404.
	ErrNotFound = errors.New("not found")
	// ErrUnauthorized matches an APIError with status 401: RefreshSession refused the refresh, or another call refused
	// the key.
	ErrUnauthorized = errors.New("unauthorized")
	// ErrRateLimited matches an APIError with status 429.
	ErrRateLimited = errors.New("rate limited")
	// ErrRedirect matches an APIError with a 3xx status. Redirects are never followed, because the key would be sent
	// along.
	ErrRedirect = errors.New("redirect refused")

	// ErrBodyTooLarge means that a reply, or the body of a webhook, is too long. Nothing of it is kept.
	ErrBodyTooLarge = errors.New("reply body too large")
	// ErrContentType is wrapped in a DecodeError for a 2xx reply whose Content-Type is not a JSON media type.
	ErrContentType = errors.New("content type is not JSON")
	// ErrNoContent is wrapped in a DecodeError for a 204 where a result is needed.
	ErrNoContent = errors.New("no content")
	// ErrTokenInactive means that Clerk knows a machine token, but it is revoked, expired or inactive.
	ErrTokenInactive = errors.New("token is revoked, expired or inactive")
)

// APIError is a reply with a status other than 2xx. Match it with errors.As, or with errors.Is against ErrNotFound,
// ErrUnauthorized, ErrRateLimited and ErrRedirect. Its text contains the status, the codes and the trace id, but not
// the messages, because a server may quote the request in them.
type APIError struct {
	Response *Response   // never nil
	Errors   []ErrorItem // empty if the body was not Clerk's error JSON
	TraceID  string      // for Clerk's support; "" if unknown
}

// ErrorItem is one error in the body of an error reply.
type ErrorItem struct {
	Code        string          `json:"code"`         // machine-readable, e.g. "resource_not_found"; may be ""
	Message     string          `json:"message"`      // short text for developers
	LongMessage string          `json:"long_message"` // may be ""
	Meta        json.RawMessage `json:"meta"`         // free-form object, may be nil
}

// UnmarshalJSON decodes the known members, by their exact names.
func (it *ErrorItem) UnmarshalJSON(data []byte) error {
	type plain ErrorItem // without this method
	return decodeJSON(data, (*plain)(it))
}

// ParamName returns meta.param_name, the parameter that a 422 is about, or "".
func (it ErrorItem) ParamName() string {
	var meta struct {
		ParamName string `json:"param_name"`
	}
	if decodeJSON(it.Meta, &meta) != nil {
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

// Code returns the code of the first error, or "" if there is none.
func (e *APIError) Code() string {
	if len(e.Errors) == 0 {
		return ""
	}
	return e.Errors[0].Code
}

// Is reports whether target is the sentinel error for the status.
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

// IsNotFound reports whether the status is 404.
func (e *APIError) IsNotFound() bool { return e.Response.StatusCode == http.StatusNotFound }

// IsUnauthorized reports whether the status is 401.
func (e *APIError) IsUnauthorized() bool { return e.Response.StatusCode == http.StatusUnauthorized }

// IsRateLimited reports whether the status is 429. RetryAfter returns how long to wait.
func (e *APIError) IsRateLimited() bool { return e.Response.StatusCode == http.StatusTooManyRequests }

// RetryAfter returns how long Clerk asked to wait before the next call, at most a day, or 0 if it did not say.
func (e *APIError) RetryAfter() time.Duration { return e.Response.RetryAfter }

// DecodeError is a 2xx reply that cannot be decoded to the operation's result. It wraps ErrContentType, ErrNoContent,
// or an error about the JSON.
type DecodeError struct {
	Response *Response // never nil
	Err      error
}

// Error says what is wrong with the reply, without quoting it.
func (de *DecodeError) Error() string {
	return fmt.Sprintf("decode reply with status %d: %v", de.Response.StatusCode, de.Err)
}

// Unwrap returns the cause.
func (de *DecodeError) Unwrap() error { return de.Err }

// TransportError is a call without a complete reply, because of the connection, TLS, a timeout or cancellation. If the
// reply's header had arrived, the Response returned with the error is not nil, and the text says what happened to the
// body. errors.Is finds context.Canceled and context.DeadlineExceeded in it.
type TransportError struct {
	Err  error // the transport's error; its text may contain the URL
	text string
}

// Error describes the cause, without the URL and keys.
func (te *TransportError) Error() string { return te.text }

// Unwrap returns the cause.
func (te *TransportError) Unwrap() error { return te.Err }

// noReply is the beginning of the text of a TransportError without a reply.
const noReply = "no reply"

// lostBody returns the beginning of the text of a TransportError without a complete body.
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

// newTransportError returns an error whose text begins with what. It removes the URL that a url.Error quotes, whose
// query may contain a handshake nonce, and the secrets, because the caller's transport may quote headers.
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

// invalidParams returns an error about the arguments of an operation.
func invalidParams(operation, problem string) error {
	return fmt.Errorf("clerkapi: %s: %w: %s", operation, ErrInvalidParams, problem)
}

// printable replaces characters that do not occur in codes and trace ids, so that a reply cannot forge log lines.
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
