package clerkapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
)

// RefreshFormat chooses what a refresh answers with.
type RefreshFormat string

const (
	// RefreshFormatToken asks for the bare session token; it is the API's default.
	RefreshFormatToken RefreshFormat = "token"
	// RefreshFormatCookie asks for Set-Cookie values to pass on to the browser.
	RefreshFormatCookie RefreshFormat = "cookie"
)

// RefreshSessionParams is what a refresh proves itself with.
type RefreshSessionParams struct {
	ExpiredToken         string              // required: JWT of the session cookie, whose sid is the session's id
	RefreshToken         string              // required: value of the suffixed refresh cookie
	RequestOrigin        string              // required: origin of the incoming request; must equal the token's azp
	RequestHeaders       map[string][]string // headers of the incoming request, names in lower case; nil is left out
	Format               RefreshFormat       // "" means the API's default, RefreshFormatToken
	RequestOriginatingIP *string             // the browser's address; nil is left out
	SuffixedCookies      *bool               // true asks for suffixed cookie names; false and nil are the same
}

// SessionRefresh is the answer to a refresh: exactly one of the two is set.
type SessionRefresh struct {
	Token   *Token
	Cookies *Cookies
}

// Token is a session token.
type Token struct {
	Object string `json:"object"` // "token"
	JWT    string `json:"jwt"`
}

// Cookies are complete Set-Cookie values, to be sent to the browser in this order.
type Cookies struct {
	Object  string   `json:"object"` // "cookies"
	Cookies []string `json:"cookies"`
}

// UnmarshalJSON reads the known members, by their exact names.
func (t *Token) UnmarshalJSON(data []byte) error {
	type plain Token // without this method
	return decodeJSON(data, (*plain)(t))
}

func (t *Token) validate() error {
	if t.Object != "token" {
		return errors.New(`object is not "token"`)
	}
	if t.JWT == "" {
		return errors.New("jwt is missing")
	}
	return nil
}

// UnmarshalJSON reads the known members, by their exact names.
func (c *Cookies) UnmarshalJSON(data []byte) error {
	type plain Cookies // without this method
	return decodeJSON(data, (*plain)(c))
}

func (c *Cookies) validate() error {
	if len(c.Cookies) == 0 {
		return errors.New("cookies are missing")
	}
	return nil
}

// UnmarshalJSON decides by the object member which of the two an answer is.
func (r *SessionRefresh) UnmarshalJSON(data []byte) error {
	*r = SessionRefresh{}
	var kind struct {
		Object  string          `json:"object"`
		Cookies json.RawMessage `json:"cookies"`
	}
	if err := decodeJSON(data, &kind); err != nil {
		return err
	}
	// Clerk's own client takes an answer of cookies without an object member too.
	if kind.Object == "" && kind.Cookies != nil {
		kind.Object = "cookies"
	}
	switch kind.Object {
	case "token":
		r.Token = new(Token)
		return json.Unmarshal(data, r.Token)
	case "cookies":
		r.Cookies = new(Cookies)
		return json.Unmarshal(data, r.Cookies)
	}
	return errors.New(`object is neither "token" nor "cookies"`)
}

func (r *SessionRefresh) validate() error {
	switch {
	case r.Token != nil:
		return r.Token.validate()
	case r.Cookies != nil:
		return r.Cookies.validate()
	}
	return errors.New("neither token nor cookies") // the body was null
}

// refreshBody has the members of the API and no others, which it refuses.
type refreshBody struct {
	ExpiredToken         string              `json:"expired_token"`
	RefreshToken         string              `json:"refresh_token"`
	RequestOrigin        string              `json:"request_origin"`
	RequestHeaders       map[string][]string `json:"request_headers,omitempty"`
	Format               RefreshFormat       `json:"format,omitempty"`
	RequestOriginatingIP *string             `json:"request_originating_ip,omitempty"`
}

// RefreshSession exchanges an expired session token and a refresh token for a fresh session token
// (POST /sessions/{id}/refresh). ErrUnauthorized means that this refresh was refused, APIError.Code says why; the way
// on is a handshake. The call is never repeated: Clerk accepts an expired token once.
func (c *Client) RefreshSession(ctx context.Context, sessionID string, p *RefreshSessionParams) (*SessionRefresh, *Response, error) {
	const name = "refresh session"
	if p == nil || p.ExpiredToken == "" || p.RefreshToken == "" || p.RequestOrigin == "" {
		return nil, nil, invalidParams(name, "ExpiredToken, RefreshToken and RequestOrigin are required")
	}
	op := operation{
		name: name, method: http.MethodPost, route: "/sessions/{}/refresh", ids: []string{sessionID},
		body: refreshBody{
			ExpiredToken: p.ExpiredToken, RefreshToken: p.RefreshToken, RequestOrigin: p.RequestOrigin,
			RequestHeaders: p.RequestHeaders, Format: p.Format, RequestOriginatingIP: p.RequestOriginatingIP,
		},
		retry: retryNever,
	}
	if p.SuffixedCookies != nil && *p.SuffixedCookies {
		op.query = url.Values{"suffixed_cookies": {"true"}}
	}
	return call[SessionRefresh](ctx, c, op)
}
