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

// Response is what came back over HTTP. Every method returns one, not nil, once a reply arrived, also beside an
// error. Body may hold tokens: log the Response itself, which shows none, and not its fields.
type Response struct {
	StatusCode int
	Header     http.Header
	TraceID    string        // body's clerk_trace_id, else the Clerk-Trace-Id or CF-Ray header, else ""
	RetryAfter time.Duration // how long Clerk asked to wait, seconds rounded up, at most a day; 0 when it did not say
	Body       []byte        // complete body; nil when it was too large or broke off

	exactType bool // Options.ExactContentType
}

// readResponse reads the reply within the limit and closes it. The Response is never nil; on an error its Body is.
func readResponse(hr *http.Response, limit int64, now func() time.Time) (*Response, error) {
	defer hr.Body.Close() // nothing was written, and what was read is checked below
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

// isJSON looks at the media type alone. Clerk sends plain application/json, and its own client takes nothing else; but
// a gateway in between that adds a charset changes nothing about the body.
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

// apiError makes the error of a reply with another status than 2xx, and gives the Response the body's trace id.
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

// parseErrorBody reads what it can: an error body of unexpected shape must not hide the status behind a second error.
func parseErrorBody(body []byte) (items []ErrorItem, trace string) {
	var doc struct {
		Errors json.RawMessage `json:"errors"`
		Trace  json.RawMessage `json:"clerk_trace_id"`
	}
	if decodeJSON(body, &doc) != nil {
		return nil, ""
	}
	_ = json.Unmarshal(doc.Trace, &trace) // a trace id of another type is none
	var raw []json.RawMessage
	_ = json.Unmarshal(doc.Errors, &raw)
	for _, one := range raw[:min(len(raw), maxErrorItems)] {
		var item ErrorItem
		var also struct {
			Trace string `json:"clerk_trace_id"` // API version 2025-03-12 has it here
		}
		if isNull(one) || json.Unmarshal(one, &item) != nil || decodeJSON(one, &also) != nil {
			continue // an item without a code stays: that there was an error is a fact too
		}
		items = append(items, item)
		trace = orDefault(trace, also.Trace)
	}
	return items, trace
}

// validator is a model that knows what a reply must contain to be usable.
type validator interface{ validate() error }

// decode turns a 2xx reply into out.
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

// checkObject is the least that a resource must have; a body like {} or null decodes without it.
func checkObject(want, object, id string) error {
	if object != want {
		return fmt.Errorf("object is not %q", want)
	}
	if id == "" {
		return errors.New("id is missing")
	}
	return nil
}
