package middleware

import (
	"context"
	"net/http"
	"strings"

	"github.com/clerkgate/clerkgate/internal/javascript"
	"github.com/clerkgate/clerkgate/internal/navigation"
	"github.com/clerkgate/clerkgate/internal/origin"
	"github.com/clerkgate/clerkgate/internal/token"
)

// judged is a request that is being authenticated: what was read from it and derived from
// that. It is used for one decision, by one goroutine.
type judged struct {
	a      *Authenticator
	r      *http.Request
	ctx    context.Context
	public *origin.Public

	headerToken string

	cookies     cookies
	suffixed    bool
	session     string // token in the cookie that counts
	clientUAT   float64
	devBrowser  string
	loopCounter float64

	notRenewed bool // a refresh failed because Clerk is down, or because of a rate limit

	decoded struct { // the token that was decoded last
		raw   string
		token *token.Unverified
		err   error
	}
}

// decode is [Authenticator.decode] for session tokens. It keeps the last one, because
// several rules look at the same token and browsers send it under two names.
func (j *judged) decode(raw string) (*token.Unverified, error) {
	if d := &j.decoded; raw == "" || d.raw != raw {
		d.raw = raw
		d.token, d.err = j.a.decode(raw)
	}
	return j.decoded.token, j.decoded.err
}

// unverified is decode for rules that treat a malformed token as absent.
func (j *judged) unverified(raw string) *token.Unverified {
	if raw == "" {
		return nil
	}
	t, err := j.decode(raw)
	if err != nil {
		return nil
	}
	return t
}

// bearerToken reads Authorization as Clerk's SDK does: "Bearer <token>" in exactly that
// spelling, without the text after a second space. A value without a space is a bare
// token. Any other scheme counts as no token.
func bearerToken(h http.Header) string {
	value := strings.Join(h["Authorization"], ", ")
	scheme, rest, _ := strings.Cut(value, " ")
	tok, _, _ := strings.Cut(rest, " ")
	switch {
	case tok == "":
		return scheme
	case scheme == "Bearer":
		return tok
	}
	return ""
}

// readSession derives everything that a decision without a header token needs from the
// query and from the cookies, which must have been read.
func (j *judged) readSession() {
	j.suffixed = j.usesSuffixedCookies()
	uat, dev := j.cookies.clientUAT, j.cookies.devBrowser
	j.session = j.cookies.session
	if j.suffixed {
		uat, dev, j.session = j.cookies.clientUATSuffixed, j.cookies.devBrowserSuffixed, j.cookies.sessionSuffixed
	}
	j.clientUAT = javascript.OrZero(javascript.ParseInt(uat))
	j.devBrowser = dev
	if q, _ := j.public.Query(cookieDevBrowser); q != "" {
		j.devBrowser = q
	}
	j.loopCounter = javascript.OrZero(javascript.Number(j.cookies.redirectCount))
}

// usesSuffixedCookies decides which set of cookies counts, by the first rule that applies
// (docs/protocol.md, 5). It does not verify the tokens.
func (j *judged) usesSuffixedCookies() bool {
	c := &j.cookies
	plain := j.unverified(c.session)
	if c.session != "" {
		issuer, ok := issuerOf(plain)
		if !ok {
			return false
		}
		if issuer != j.a.instance.issuerHost {
			return true
		}
	}
	if c.clientUATSuffixed == "" && c.sessionSuffixed == "" {
		return false
	}
	suffixed := j.unverified(c.sessionSuffixed)
	// An absent client_uat is not "0": the cookie's text is compared.
	suffixedOut, plainOut := c.clientUATSuffixed == "0", c.clientUAT == "0"
	switch {
	case !suffixedOut && !plainOut && plain.IssuedAfter(suffixed):
		return false
	case suffixedOut && !plainOut:
		return false
	case !j.a.instance.production && !suffixedOut && plainOut && j.expired(suffixed):
		return false
	case c.clientUATSuffixed == "" && c.sessionSuffixed != "":
		return false
	}
	return true
}

// hasNullSession reports whether the claims of a session cookie are the JSON value null.
// Clerk's SDK throws an error when it then chooses between plain and suffixed cookies,
// whatever else is in the request, so nobody is signed in here either.
func (j *judged) hasNullSession() bool {
	c := &j.cookies
	if !hasTinyClaims(c.session) && !hasTinyClaims(c.sessionSuffixed) {
		return false
	}
	if c.session != "" {
		plain := j.unverified(c.session)
		if plain != nil && plain.ClaimsAreNull() {
			return true
		}
		if issuer, ok := issuerOf(plain); !ok || issuer != j.a.instance.issuerHost {
			return false
		}
	}
	suffixed := j.unverified(c.sessionSuffixed)
	return suffixed != nil && suffixed.ClaimsAreNull()
}

// hasTinyClaims reports whether a token's claims are short enough to be null, so that
// those of real tokens need not be decoded.
func hasTinyClaims(raw string) bool {
	_, rest, _ := strings.Cut(raw, ".")
	claims, _, signed := strings.Cut(rest, ".")
	return signed && len(claims) < 64
}

// expired compares the unsigned exp to the second, without clock skew.
func (j *judged) expired(t *token.Unverified) bool {
	return t != nil && t.ExpiresUntil(float64(j.a.now().Unix()))
}

// issuerOf returns the unverified issuer without its scheme. ok is false for a token that
// cannot be decoded or has none. An issuer that is not a string matches no instance and
// is returned as "".
func issuerOf(t *token.Unverified) (issuer string, ok bool) {
	if t == nil {
		return "", false
	}
	iss, isText, truthy := t.Issuer()
	if !truthy {
		return "", false
	}
	if !isText {
		return "", true
	}
	return withoutScheme(iss), true
}

// withoutScheme removes every http:// and https://, in lower or upper case.
func withoutScheme(s string) string {
	const https, http = "https://", "http://"
	if rest, ok := strings.CutPrefix(s, https); ok && !strings.Contains(rest, "://") {
		return rest
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		switch {
		case hasPrefixFold(s[i:], https):
			i += len(https)
		case hasPrefixFold(s[i:], http):
			i += len(http)
		default:
			b.WriteByte(s[i])
			i++
		}
	}
	return b.String()
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// isDocumentRequest reports whether a handshake is possible: whether the request is
// probably a browser's navigation. HEAD, form posts and fetch are not.
func isDocumentRequest(r *http.Request) bool {
	return r.Method == http.MethodGet && navigation.IsDocument(r.Header)
}

// headerValue joins repeated headers as JavaScript's Headers does.
func headerValue(h http.Header, name string) string {
	switch v := h[name]; len(v) {
	case 0:
		return ""
	case 1:
		return v[0]
	default:
		return strings.Join(v, ", ")
	}
}

// origin returns the request's public origin.
func (j *judged) origin() string { return j.public.Origin() }

// frontendAPI returns where this browser reaches the Frontend API: a host or an absolute
// URL.
func (j *judged) frontendAPI() string {
	if j.a.instance.proxyPath != "" {
		return j.origin() + j.a.instance.proxyPath
	}
	return j.a.instance.frontendAPI
}

// HasHeaderToken reports whether r is authenticated by its Authorization header, so that
// its cookies do not count. Another site's page cannot make a browser send that header, so a
// guard against cross-site requests can let such a request pass.
func HasHeaderToken(r *http.Request) bool { return bearerToken(r.Header) != "" }
