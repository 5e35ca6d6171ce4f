package vectors

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"regexp"
	"sort"
	"strings"
)

// Rule is a response of the Backend API to the calls that it matches.
type Rule struct {
	Match struct {
		Method, PathPattern   string // PathPattern is a regular expression
		BodyField, QueryField string // the member of the JSON body, or the parameter, that Equals
		Equals                string
	}
	Answer Answer
}

// Answer is an HTTP response, or a connection that closes without one.
type Answer struct {
	Status            int
	ContentType, Body string
	Hangup            bool
}

// Response returns a as an HTTP response.
func (a Answer) Response() (*http.Response, error) {
	if a.Hangup {
		return nil, errors.New("connection reset")
	}
	h := http.Header{}
	if a.ContentType != "" {
		h.Set("Content-Type", a.ContentType)
	}
	return &http.Response{StatusCode: a.Status, Header: h, Body: io.NopCloser(strings.NewReader(a.Body)), ContentLength: int64(len(a.Body))}, nil
}

// Call is a call to the Backend API.
type Call struct {
	Method, Path, Authorization, APIVersion string
	Query                                   [][2]string // sorted by name
	Body                                    map[string]any
}

// Backend is the Backend API of one case, as an [http.RoundTripper]. It is not safe for
// concurrent use.
type Backend struct {
	JWKS  Answer
	Case  *Case
	Calls []Call // except those for the keys
}

// RoundTrip responds by the case's rules, and with 404 if none matches.
func (b *Backend) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
	}
	if r.URL.Path == "/v1/jwks" {
		return b.JWKS.Response()
	}
	call := Call{Method: r.Method, Path: r.URL.Path, Authorization: r.Header.Get("Authorization"), APIVersion: r.Header.Get("Clerk-API-Version"), Query: [][2]string{}}
	for name, values := range r.URL.Query() {
		for _, v := range values {
			call.Query = append(call.Query, [2]string{name, v})
		}
	}
	sort.Slice(call.Query, func(i, j int) bool { return call.Query[i][0] < call.Query[j][0] })
	if len(body) > 0 {
		_ = json.Unmarshal(body, &call.Body)
	}
	b.Calls = append(b.Calls, call)
	for _, rule := range b.Case.BAPI {
		m := rule.Match
		value, _ := call.Body[m.BodyField].(string)
		if m.QueryField != "" {
			value = r.URL.Query().Get(m.QueryField)
		}
		if m.Method == r.Method && regexp.MustCompile(m.PathPattern).MatchString(r.URL.Path) && value == m.Equals {
			return rule.Answer.Response()
		}
	}
	return Answer{Status: 404, ContentType: "application/json", Body: `{"errors":[{"code":"resource_not_found","message":"not found"}]}`}.Response()
}
