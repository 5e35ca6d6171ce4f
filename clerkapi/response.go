package clerkapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"
)

const maxErrorItems = 100

// Response is the HTTP reply to a call. Every method returns it if a reply arrived, even together with an error. Body
// may contain tokens: log the Response itself, which shows none, rather than its fields.
type Response struct {
	StatusCode int
	Header     http.Header
	TraceID    string        // the body's clerk_trace_id, or the Clerk-Trace-Id or CF-Ray header, or ""
	RetryAfter time.Duration // how long Clerk asked to wait, in whole seconds, at most a day; 0 if it did not say
	Body       []byte        // the complete body; nil if it was too large or broke off

	exactType bool // Options.ExactContentType
}

// readResponse reads the reply up to the limit and closes it. The Response is never nil, but its Body is if there is an
// error.
func readResponse(hr *http.Response, limit int64, now func() time.Time) (*Response, error) {
	defer hr.Body.Close() // errors of reading are returned below
	res := &Response{
		StatusCode: hr.StatusCode,
		Header:     hr.Header,
		RetryAfter: retryAfter(hr.Header, now),
		TraceID:    orDefault(hr.Header.Get("Clerk-Trace-Id"), hr.Header.Get("Cf-Ray")),
	}
	if hr.ContentLength > limit {
		return res, ErrBodyTooLarge
	}
	body, err := io.ReadAll(io.LimitReader(hr.Body, limit+1))
	if err != nil {
		return res, err
	}
	if int64(len(body)) > limit {
		return res, ErrBodyTooLarge
	}
	res.Body = body
	return res, nil
}

// isJSON reports whether the media type is JSON. Clerk sends plain application/json, and its own client accepts nothing
// else; but a gateway that adds a charset does not change the body.
func (r *Response) isJSON() bool {
	types := r.Header.Values("Content-Type")
	if len(types) != 1 {
		return false
	}
	if r.exactType {
		return types[0] == "application/json"
	}
	mediaType, _, err := mime.ParseMediaType(types[0])
	if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) {
		return false
	}
	kind, name, _ := strings.Cut(mediaType, "/")
	return mediaType == "application/json" || mediaType == "text/json" || kind != "" && strings.HasSuffix(name, "+json")
}

// apiError returns the error for a status other than 2xx, and sets the Response's trace id from the body.
func (r *Response) apiError() *APIError {
	e := &APIError{Response: r}
	if r.isJSON() {
		items, trace := parseErrorBody(r.Body)
		e.Errors = items
		r.TraceID = orDefault(trace, r.TraceID)
	}
	e.TraceID = r.TraceID
	return e
}

// parseErrorBody returns what it can read: a malformed error body must not hide the status behind a second error.
func parseErrorBody(body []byte) (items []ErrorItem, trace string) {
	var doc struct {
		Errors json.RawMessage `json:"errors"`
		Trace  json.RawMessage `json:"clerk_trace_id"`
	}
	if decodeJSON(body, &doc) != nil {
		return nil, ""
	}
	_ = json.Unmarshal(doc.Trace, &trace) // a trace id that is not a string is ignored
	var raw []json.RawMessage
	_ = json.Unmarshal(doc.Errors, &raw)
	for _, one := range raw[:min(len(raw), maxErrorItems)] {
		var item ErrorItem
		var also struct {
			Trace string `json:"clerk_trace_id"` // where API version 2025-03-12 has it
		}
		if isNull(one) || json.Unmarshal(one, &item) != nil || decodeJSON(one, &also) != nil {
			continue // but an item without a code is kept
		}
		items = append(items, item)
		trace = orDefault(trace, also.Trace)
	}
	return items, trace
}

// validator is a resource that can check whether a reply is complete enough to be used.
type validator interface{ validate() error }

// decode decodes a 2xx reply into out.
func (r *Response) decode(out any) error {
	if r.StatusCode == http.StatusNoContent {
		return &DecodeError{Response: r, Err: ErrNoContent}
	}
	if !r.isJSON() {
		return &DecodeError{Response: r, Err: ErrContentType}
	}
	if err := json.Unmarshal(r.Body, out); err != nil {
		return &DecodeError{Response: r, Err: err}
	}
	if v, ok := out.(validator); ok {
		if err := v.validate(); err != nil {
			return &DecodeError{Response: r, Err: err}
		}
	}
	return nil
}

// checkObject checks the members that every resource has. Without it, bodies like {} or null would pass.
func checkObject(want, object, id string) error {
	if object != want {
		return fmt.Errorf("object is not %q", want)
	}
	if id == "" {
		return errors.New("id is missing")
	}
	return nil
}
