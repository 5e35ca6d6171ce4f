package answer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestRefuseByWhoReads(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		header map[string]string
		page   bool
	}{
		"nothing said":              {nil, false},
		"curl":                      {map[string]string{"Accept": "*/*"}, false},
		"browser":                   {map[string]string{"Sec-Fetch-Dest": "document", "Accept": "*/*"}, true},
		"frame":                     {map[string]string{"Sec-Fetch-Dest": "iframe"}, true},
		"fetch":                     {map[string]string{"Sec-Fetch-Dest": "empty", "Accept": "text/html"}, false},
		"browser without the hints": {map[string]string{"Accept": "text/html,*/*"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, w := httptest.NewRequest(http.MethodGet, "/", nil), httptest.NewRecorder()
			for key, value := range test.header {
				r.Header.Set(key, value)
			}
			w.Header().Set("Set-Cookie", "fresh=1")
			w.Header().Set("Content-Length", "1000")
			Refuse(w, r, http.StatusForbidden, "no_entry", `Not <you> & "yours".`)
			assert.Equal(t, http.StatusForbidden, w.Code)
			assert.Equal(t, "no-store", w.Header().Get("Cache-Control"))
			assert.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"))
			assert.Equal(t, "fresh=1", w.Header().Get("Set-Cookie"), "what was there stays")
			assert.Empty(t, w.Header().Get("Content-Length"), "but not another body's length")
			if test.page {
				assert.Equal(t, "text/html; charset=utf-8", w.Header().Get("Content-Type"))
				assert.Contains(t, w.Body.String(), "Not &lt;you&gt; &amp; &#34;yours&#34;.")
				return
			}
			assert.JSONEq(t, `{"errors":[{"code":"no_entry","message":"Not <you> & \"yours\"."}]}`, w.Body.String())
		})
	}
}

func TestRefuseHasNoBodyForHEAD(t *testing.T) {
	t.Parallel()
	r, w := httptest.NewRequest(http.MethodHead, "/", nil), httptest.NewRecorder()
	r.Header.Set("Accept", "text/html")
	Refuse(w, r, http.StatusNotFound, "no_route", "There is nothing at this address.")
	assert.Equal(t, http.StatusNotFound, w.Code)
	assert.Empty(t, w.Body.String())
}

func TestErrorKeepsItsCauseToTheLog(t *testing.T) {
	t.Parallel()
	cause := errors.New("secret detail")
	err := fmt.Errorf("wrapped: %w", &Error{Status: 408, Code: "request_timeout", Message: "Try again.", Err: cause})
	assert.ErrorIs(t, err, cause)
	assert.Equal(t, "wrapped: secret detail", err.Error())
	assert.Equal(t, "Try again.", (&Error{Message: "Try again."}).Error())

	w := httptest.NewRecorder()
	var refused *Error
	if assert.ErrorAs(t, err, &refused) {
		refused.Refuse(w, httptest.NewRequest(http.MethodGet, "/", nil))
	}
	assert.Equal(t, 408, w.Code)
	assert.Contains(t, w.Body.String(), "Try again.")
	assert.NotContains(t, w.Body.String(), "secret")
}

func TestRoundTripFailed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err    error
		status int
		code   string
	}{
		"deadline":          {fmt.Errorf("x: %w", context.DeadlineExceeded), 504, "upstream_timeout"},
		"deadline of files": {os.ErrDeadlineExceeded, 504, "upstream_timeout"},
		"anything else":     {errors.New("connection refused"), 502, "upstream_unavailable"},
		"cancelled":         {context.Canceled, 502, "upstream_unavailable"},
	} {
		status, code := RoundTripFailed(test.err)
		assert.Equal(t, test.status, status, name)
		assert.Equal(t, test.code, code, name)
	}
}
