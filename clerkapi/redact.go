package clerkapi

import (
	"fmt"
	"io"
	"log/slog"
)

// Types that hold keys or tokens are logged and printed without them: LogValue is for log/slog, Format for every verb
// of fmt, including %#v.

const redacted = "[redacted]"

// hide shows only whether there is a secret.
func hide(name, secret string) slog.Attr {
	if secret == "" {
		return slog.String(name, "")
	}
	return slog.String(name, redacted)
}

func format(f fmt.State, v slog.LogValuer) {
	_, _ = io.WriteString(f, v.LogValue().String()) // fmt ignores what a Formatter fails to write
}

// LogValue returns the options that are not secret.
func (o Options) LogValue() slog.Value {
	return slog.GroupValue(hide("secret_key", o.SecretKey), hide("machine_secret_key", o.MachineSecretKey),
		slog.Duration("timeout", o.Timeout), slog.Int("max_retries", o.MaxRetries))
}

// Format prints the LogValue.
func (o Options) Format(f fmt.State, _ rune) { format(f, o) }

// LogValue returns the API's address and version.
func (c *Client) LogValue() slog.Value {
	if c == nil {
		return slog.Value{}
	}
	return slog.GroupValue(slog.String("base_url", c.baseURL), slog.String("api_version", c.apiVersion))
}

// Format prints the LogValue.
func (c *Client) Format(f fmt.State, _ rune) { format(f, c) }

// LogValue returns the response without headers and body.
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

// LogValue returns the number of cookies.
func (ck Cookies) LogValue() slog.Value { return slog.GroupValue(slog.Int("cookies", len(ck.Cookies))) }

// Format prints the LogValue.
func (ck Cookies) Format(f fmt.State, _ rune) { format(f, ck) }

// LogValue returns which of the two the reply is.
func (sr SessionRefresh) LogValue() slog.Value {
	switch {
	case sr.Token != nil:
		return slog.GroupValue(slog.Any("token", *sr.Token))
	case sr.Cookies != nil:
		return slog.GroupValue(slog.Any("cookies", *sr.Cookies))
	}
	return slog.GroupValue()
}

// Format prints the LogValue.
func (sr SessionRefresh) Format(f fmt.State, _ rune) { format(f, sr) }

// LogValue returns the number of directives.
func (hp HandshakePayload) LogValue() slog.Value {
	return slog.GroupValue(slog.Int("directives", len(hp.Directives)))
}

// Format prints the LogValue.
func (hp HandshakePayload) Format(f fmt.State, _ rune) { format(f, hp) }

// LogValue returns the parameters that are not credentials.
func (rp RefreshSessionParams) LogValue() slog.Value {
	return slog.GroupValue(hide("expired_token", rp.ExpiredToken), hide("refresh_token", rp.RefreshToken),
		slog.String("request_origin", printable(rp.RequestOrigin)), slog.String("format", printable(string(rp.Format))),
		slog.Int("request_headers", len(rp.RequestHeaders)))
}

// String prints the LogValue. It replaces Format, which would collide with the field of that name; verbs that are not
// for text, such as %d, do not call it.
func (rp RefreshSessionParams) String() string { return rp.LogValue().String() }

// GoString prints the LogValue for %#v.
func (rp RefreshSessionParams) GoString() string { return rp.String() }

// LogValue hides the key.
func (mp VerifyM2MTokenParams) LogValue() slog.Value {
	return slog.GroupValue(hide("token", mp.Token), hide("machine_secret_key", mp.MachineSecretKey))
}

// Format prints the LogValue.
func (mp VerifyM2MTokenParams) Format(f fmt.State, _ rune) { format(f, mp) }

// LogValue hides the key.
func (kp VerifyAPIKeyParams) LogValue() slog.Value { return slog.GroupValue(hide("secret", kp.Secret)) }

// Format prints the LogValue.
func (kp VerifyAPIKeyParams) Format(f fmt.State, _ rune) { format(f, kp) }

// LogValue hides the token.
func (op VerifyOAuthAccessTokenParams) LogValue() slog.Value {
	return slog.GroupValue(hide("access_token", op.AccessToken))
}

// Format prints the LogValue.
func (op VerifyOAuthAccessTokenParams) Format(f fmt.State, _ rune) { format(f, op) }

// LogValue hides the token.
func (vp VerifyClientParams) LogValue() slog.Value { return slog.GroupValue(hide("token", vp.Token)) }

// Format prints the LogValue.
func (vp VerifyClientParams) Format(f fmt.State, _ rune) { format(f, vp) }

// LogValue hides the token.
func (vs VerifySessionParams) LogValue() slog.Value {
	if vs.Token == nil {
		return slog.GroupValue()
	}
	return slog.GroupValue(hide("token", *vs.Token))
}

// Format prints the LogValue.
func (vs VerifySessionParams) Format(f fmt.State, _ rune) { format(f, vs) }

// LogValue hides the token.
func (tt TestingToken) LogValue() slog.Value {
	return slog.GroupValue(hide("token", tt.Token), slog.Int64("expires_at", tt.ExpiresAt))
}

// Format prints the LogValue.
func (tt TestingToken) Format(f fmt.State, _ rune) { format(f, tt) }

// LogValue hides the token and the link that carries it.
func (st SignInToken) LogValue() slog.Value {
	return slog.GroupValue(slog.String("id", st.ID), slog.String("user_id", st.UserID),
		slog.String("status", st.Status), hide("token", st.Token))
}

// Format prints the LogValue.
func (st SignInToken) Format(f fmt.State, _ rune) { format(f, st) }
