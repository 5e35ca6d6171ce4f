package clerkapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
)

// RefreshFormat selects the result of a refresh.
type RefreshFormat string

const (
	// RefreshFormatToken asks for the bare session token; it is the API's default.
	RefreshFormatToken RefreshFormat = "token"
	// RefreshFormatCookie asks for Set-Cookie values to pass on to the browser.
	RefreshFormatCookie RefreshFormat = "cookie"
)

// RefreshSessionParams are the parameters of a refresh.
type RefreshSessionParams struct {
	ExpiredToken         string              // required: JWT of the session cookie, whose sid is the session's id
	RefreshToken         string              // required: value of the suffixed refresh cookie
	RequestOrigin        string              // required: origin of the incoming request; must equal the token's azp
	RequestHeaders       map[string][]string // headers of the incoming request, names in lower case; nil means not sent
	Format               RefreshFormat       // "" means the API's default, RefreshFormatToken
	RequestOriginatingIP *string             // the browser's address; nil means not sent
	SuffixedCookies      *bool               // true asks for suffixed cookie names; false and nil are the same
}

// SessionRefresh is the result of a refresh. Exactly one field is set.
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

// UnmarshalJSON decodes the known members, by their exact names.
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

// UnmarshalJSON decodes the known members, by their exact names.
func (ck *Cookies) UnmarshalJSON(data []byte) error {
	type plain Cookies // without this method
	return decodeJSON(data, (*plain)(ck))
}

func (ck *Cookies) validate() error {
	if len(ck.Cookies) == 0 {
		return errors.New("cookies are missing")
	}
	return nil
}

// UnmarshalJSON decodes either form, by the object member.
func (sr *SessionRefresh) UnmarshalJSON(data []byte) error {
	*sr = SessionRefresh{}
	var kind struct {
		Object  string          `json:"object"`
		Cookies json.RawMessage `json:"cookies"`
	}
	if err := decodeJSON(data, &kind); err != nil {
		return err
	}
	// Clerk's own client accepts cookies without an object member.
	if kind.Object == "" && kind.Cookies != nil {
		kind.Object = "cookies"
	}
	switch kind.Object {
	case "token":
		sr.Token = new(Token)
		return json.Unmarshal(data, sr.Token)
	case "cookies":
		sr.Cookies = new(Cookies)
		return json.Unmarshal(data, sr.Cookies)
	}
	return errors.New(`object is neither "token" nor "cookies"`)
}

func (sr *SessionRefresh) validate() error {
	switch {
	case sr.Token != nil:
		return sr.Token.validate()
	case sr.Cookies != nil:
		return sr.Cookies.validate()
	}
	return errors.New("neither token nor cookies") // the body was null
}

// refreshBody is the body of the request. The API refuses other members.
type refreshBody struct {
	ExpiredToken         string              `json:"expired_token"`
	RefreshToken         string              `json:"refresh_token"`
	RequestOrigin        string              `json:"request_origin"`
	RequestHeaders       map[string][]string `json:"request_headers,omitempty"`
	Format               RefreshFormat       `json:"format,omitempty"`
	RequestOriginatingIP *string             `json:"request_originating_ip,omitempty"`
}

// RefreshSession exchanges an expired session token and a refresh token for a fresh session token
// (POST /sessions/{id}/refresh). ErrUnauthorized means that the refresh was refused; APIError.Code says why, and the
// browser needs a handshake. The call is never retried, because Clerk accepts an expired token only once.
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
