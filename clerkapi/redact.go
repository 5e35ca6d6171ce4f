package clerkapi

import (
	"fmt"
	"io"
	"log/slog"
)

// Types that hold keys or tokens are logged and printed without them: LogValue serves log/slog, Format every verb of
// fmt, %#v included.

const redacted = "[redacted]"

// hide tells apart only whether there is a secret.
func hide(name, secret string) slog.Attr {
	if secret == "" {
		return slog.String(name, "")
	}
	return slog.String(name, redacted)
}

func format(f fmt.State, v slog.LogValuer) {
	_, _ = io.WriteString(f, v.LogValue().String()) // fmt ignores what a Formatter fails to write
}

// LogValue shows the options that hold no secret.
func (o Options) LogValue() slog.Value {
	return slog.GroupValue(hide("secret_key", o.SecretKey), hide("machine_secret_key", o.MachineSecretKey),
		slog.Duration("timeout", o.Timeout), slog.Int("max_retries", o.MaxRetries))
}

// Format prints the LogValue.
func (o Options) Format(f fmt.State, _ rune) { format(f, o) }

// LogValue shows where the client calls to.
func (c *Client) LogValue() slog.Value {
	if c == nil {
		return slog.Value{}
	}
	return slog.GroupValue(slog.String("base_url", c.baseURL), slog.String("api_version", c.apiVersion))
}

// Format prints the LogValue.
func (c *Client) Format(f fmt.State, _ rune) { format(f, c) }

// LogValue shows the response without headers and body.
func (r *Response) LogValue() slog.Value {
	if r == nil {
		return slog.Value{}
	}
	return slog.GroupValue(slog.Int("status", r.StatusCode), slog.String("trace_id", printable(r.TraceID)),
		slog.Duration("retry_after", r.RetryAfter), slog.Int("body_bytes", len(r.Body)))
}

// Format prints the LogValue.
func (r *Response) Format(f fmt.State, _ rune) { format(f, r) }

// LogValue hides the token.
func (t Token) LogValue() slog.Value { return slog.GroupValue(hide("jwt", t.JWT)) }

// Format prints the LogValue.
func (t Token) Format(f fmt.State, _ rune) { format(f, t) }

// LogValue shows how many cookies there are.
func (c Cookies) LogValue() slog.Value { return slog.GroupValue(slog.Int("cookies", len(c.Cookies))) }

// Format prints the LogValue.
func (c Cookies) Format(f fmt.State, _ rune) { format(f, c) }

// LogValue shows which of the two the answer is.
func (r SessionRefresh) LogValue() slog.Value {
	switch {
	case r.Token != nil:
		return slog.GroupValue(slog.Any("token", *r.Token))
	case r.Cookies != nil:
		return slog.GroupValue(slog.Any("cookies", *r.Cookies))
	}
	return slog.GroupValue()
}

// Format prints the LogValue.
func (r SessionRefresh) Format(f fmt.State, _ rune) { format(f, r) }

// LogValue shows how many directives there are.
func (p HandshakePayload) LogValue() slog.Value {
	return slog.GroupValue(slog.Int("directives", len(p.Directives)))
}

// Format prints the LogValue.
func (p HandshakePayload) Format(f fmt.State, _ rune) { format(f, p) }

// LogValue shows what of the parameters is not a credential.
func (p RefreshSessionParams) LogValue() slog.Value {
	return slog.GroupValue(hide("expired_token", p.ExpiredToken), hide("refresh_token", p.RefreshToken),
		slog.String("request_origin", printable(p.RequestOrigin)), slog.String("format", printable(string(p.Format))),
		slog.Int("request_headers", len(p.RequestHeaders)))
}

// String prints the LogValue. It stands in for Format, which would collide with the field, and like every String it
// is not asked for verbs that make no sense for text, such as %d.
func (p RefreshSessionParams) String() string { return p.LogValue().String() }

// GoString prints the LogValue for %#v.
func (p RefreshSessionParams) GoString() string { return p.String() }

// LogValue hides the key.
func (p VerifyM2MTokenParams) LogValue() slog.Value {
	return slog.GroupValue(hide("token", p.Token), hide("machine_secret_key", p.MachineSecretKey))
}

// Format prints the LogValue.
func (p VerifyM2MTokenParams) Format(f fmt.State, _ rune) { format(f, p) }

// LogValue hides the key.
func (p VerifyAPIKeyParams) LogValue() slog.Value { return slog.GroupValue(hide("secret", p.Secret)) }

// Format prints the LogValue.
func (p VerifyAPIKeyParams) Format(f fmt.State, _ rune) { format(f, p) }

// LogValue hides the token.
func (p VerifyOAuthAccessTokenParams) LogValue() slog.Value {
	return slog.GroupValue(hide("access_token", p.AccessToken))
}

// Format prints the LogValue.
func (p VerifyOAuthAccessTokenParams) Format(f fmt.State, _ rune) { format(f, p) }

// LogValue hides the token.
func (p VerifyClientParams) LogValue() slog.Value { return slog.GroupValue(hide("token", p.Token)) }

// Format prints the LogValue.
func (p VerifyClientParams) Format(f fmt.State, _ rune) { format(f, p) }

// LogValue hides the token.
func (p VerifySessionParams) LogValue() slog.Value {
	if p.Token == nil {
		return slog.GroupValue()
	}
	return slog.GroupValue(hide("token", *p.Token))
}

// Format prints the LogValue.
func (p VerifySessionParams) Format(f fmt.State, _ rune) { format(f, p) }

// LogValue hides the token.
func (t TestingToken) LogValue() slog.Value {
	return slog.GroupValue(hide("token", t.Token), slog.Int64("expires_at", t.ExpiresAt))
}

// Format prints the LogValue.
func (t TestingToken) Format(f fmt.State, _ rune) { format(f, t) }

// LogValue hides the token and the link that carries it.
func (t SignInToken) LogValue() slog.Value {
	return slog.GroupValue(slog.String("id", t.ID), slog.String("user_id", t.UserID),
		slog.String("status", t.Status), hide("token", t.Token))
}

// Format prints the LogValue.
func (t SignInToken) Format(f fmt.State, _ rune) { format(f, t) }
