package differential_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// rule is a response of the Backend API to the calls that it matches.
type rule struct {
	Method     string `json:"method"`
	Path       string `json:"path"` // regular expression
	BodyField  string `json:"bodyField,omitempty"`
	QueryField string `json:"queryField,omitempty"`
	Equals     string `json:"equals"`
	Answer     answer `json:"answer"`
}

// call is a call to the Backend API, except those for the keys.
type call struct {
	Method        string          `json:"method"`
	Path          string          `json:"path"`
	Query         [][2]string     `json:"query"`
	Authorization string          `json:"authorization"`
	APIVersion    string          `json:"apiVersion"`
	Body          json.RawMessage `json:"body"`
}

// backend is the Backend API of one instance; its rules are those of the request
// being judged. The keys may be fetched in the background.
type backend struct {
	jwks  answer
	mu    sync.Mutex
	rules []rule
	calls []call
}

// begin resets the state for the next request.
func (b *backend) begin(rules []rule) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rules, b.calls = rules, nil
}

func (b *backend) made() []call {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.calls
}

// RoundTrip responds by the first rule that matches, as reference.mjs does.
func (b *backend) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	if r.URL.Path == "/v1/jwks" {
		return b.jwks.response(r)
	}
	c := call{
		Method: r.Method, Path: r.URL.EscapedPath(), Query: [][2]string{},
		Authorization: r.Header.Get("Authorization"), APIVersion: r.Header.Get("Clerk-API-Version"), Body: body,
	}
	for name, values := range r.URL.Query() {
		for _, v := range values {
			c.Query = append(c.Query, [2]string{name, v})
		}
	}
	slices.SortStableFunc(c.Query, func(x, y [2]string) int { return strings.Compare(x[0], y[0]) })
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls = append(b.calls, c)
	var fields map[string]any
	_ = json.Unmarshal(body, &fields)
	for _, rule := range b.rules {
		value, _ := fields[rule.BodyField].(string)
		if rule.QueryField != "" {
			value = r.URL.Query().Get(rule.QueryField)
		}
		if rule.Method == r.Method && regexp.MustCompile(rule.Path).MatchString(c.Path) && value == rule.Equals {
			return rule.Answer.response(r)
		}
	}
	return apiError(http.StatusNotFound, "resource_not_found").response(r)
}

func (a answer) response(r *http.Request) (*http.Response, error) {
	if a.Hangup {
		return nil, errors.New("connection closed without an answer")
	}
	h := http.Header{}
	if a.ContentType != "" {
		h.Set("Content-Type", a.ContentType)
	}
	return &http.Response{StatusCode: a.Status, Header: h, Body: io.NopCloser(strings.NewReader(a.Body)), ContentLength: int64(len(a.Body)), Request: r}, nil
}
