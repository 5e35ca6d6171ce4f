package clerkapi_test

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/clerkgate/clerkgate/clerkapi"
)

// FuzzErrorBody holds that a body can neither hide the status, nor panic, nor write into a log.
func FuzzErrorBody(f *testing.F) {
	for _, seed := range []string{notFoundJSON, `{}`, `null`, `[]`, `{"errors":null}`, `{"errors":{}}`, `{"errors":[null,{"code":"a\nb"}]}`,
		`{"errors":[{"code":"c","meta":"x","clerk_trace_id":"t\r\n"}]}`, `{"clerk_trace_id":"é\u0000"}`, `{"errors":[{"co`} {
		f.Add([]byte(seed), 404)
	}
	f.Fuzz(func(t *testing.T, body []byte, status int) {
		if status < 400 || status > 599 {
			status = 400
		}
		c := withTransport(t, func(*http.Request) (*http.Response, error) {
			h := http.Header{"Content-Type": {"application/json"}}
			return &http.Response{StatusCode: status, Header: h, ContentLength: -1, Body: io.NopCloser(strings.NewReader(string(body)))}, nil
		}, nil)
		s, res, err := c.GetSession(t.Context(), sessionID)
		var api *clerkapi.APIError
		if s != nil || res == nil || res.StatusCode != status || !errors.As(err, &api) || api.Response != res {
			t.Fatalf("session %v, response %v, error %v", s, res, err)
		}
		if string(res.Body) != string(body) {
			t.Fatal("the body was changed")
		}
		for _, e := range api.Errors {
			_ = e.ParamName()
		}
		text := err.Error()
		if len(text) > 800 || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			t.Fatalf("text %q", text)
		}
	})
}

// FuzzID holds that an id either makes no call or is exactly one segment of the path, however often that is decoded.
func FuzzID(f *testing.F) {
	for _, seed := range []string{sessionID, "", ".", "..", "%2e%2e", "%252e.", "a/b", "a%2Fb", `a\b`, "a?b", "a#b", "a b", "é", "%zz", "\x00", "a;b", "a%25"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, id string) {
		called := ""
		c := withTransport(t, func(r *http.Request) (*http.Response, error) {
			called = r.URL.String()
			return nil, errors.New("enough")
		}, nil)
		_, _, err := c.RevokeSession(t.Context(), id)
		if errors.Is(err, clerkapi.ErrInvalidID) {
			if called != "" {
				t.Fatalf("refused, but called %s", called)
			}
			return
		}
		middle, prefixed := strings.CutPrefix(called, "https://api.clerk.com/v1/sessions/")
		middle, suffixed := strings.CutSuffix(middle, "/revoke")
		if !prefixed || !suffixed {
			t.Fatalf("%q became %s", id, called)
		}
		for range 20 {
			if middle == "" || middle == "." || middle == ".." || strings.ContainsAny(middle, "/\\") {
				t.Fatalf("%q became %s, which a server can read as %q", id, called, middle)
			}
			next, err := url.PathUnescape(middle)
			if err != nil {
				t.Fatalf("%q became %s, which cannot be decoded", id, called)
			}
			middle = next
		}
	})
}

// FuzzWebhook holds that nothing passes but the body that was signed.
func FuzzWebhook(f *testing.F) {
	f.Add(hookID, hookStamp, hookSig, []byte(hookBody))
	f.Add("", "", "", []byte{})
	f.Fuzz(func(t *testing.T, id, stamp, signature string, body []byte) {
		e, err := clerkapi.VerifyWebhook(hookSecret, hookHeader(id, stamp, signature), body, hookTime)
		if err == nil && (strings.TrimSpace(id) != hookID || string(body) != hookBody) {
			t.Fatalf("accepted %+v", e)
		}
		if err != nil && e != nil {
			t.Fatal("an event beside an error")
		}
	})
}

// FuzzReply holds that no body of a 2xx gives a result without what a caller decides on.
func FuzzReply(f *testing.F) {
	for _, seed := range []string{sessionJSON, m2mJSON, apiKeyJSON, oauthJSON, tokenJSON, `{"active":false}`, `{"object":"cookies","cookies":["a"]}`, `null`, `[]`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		c := withTransport(t, func(*http.Request) (*http.Response, error) {
			h := http.Header{"Content-Type": {"application/json"}}
			return &http.Response{StatusCode: 200, Header: h, ContentLength: -1, Body: io.NopCloser(strings.NewReader(string(body)))}, nil
		}, nil)
		x := t.Context()
		if s, _, err := c.GetSession(x, "s"); (err == nil) != (s != nil) || err == nil && s.ID == "" {
			t.Fatalf("session %v, error %v", s, err)
		}
		if r, _, err := c.RefreshSession(x, "s", refreshParams()); (err == nil) != (r != nil) || err == nil && (r.Token == nil) == (r.Cookies == nil) {
			t.Fatalf("refresh %v, error %v", r, err)
		}
		o, _, err := c.VerifyOAuthAccessToken(x, &clerkapi.VerifyOAuthAccessTokenParams{AccessToken: "t"})
		if (err == nil) != (o != nil) || err == nil && (o.Subject == "" || o.Revoked || o.Expired) {
			t.Fatalf("token %v, error %v", o, err)
		}
		if p, _, err := c.ListSessions(x, nil); (err == nil) != (p != nil) || err == nil && p.Data == nil {
			t.Fatalf("page %v, error %v", p, err)
		}
	})
}
