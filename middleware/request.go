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

// judged is one request while it is being judged: what was read from it, and
// what was worked out once. It lives for one decision, on one goroutine.
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

	decoded struct { // the token that was decoded last
		raw   string
		token *token.Unverified
		err   error
	}
}

// decode is [Authenticator.decode] for session tokens: several rules look at the
// same one, and browsers send it under two names.
func (j *judged) decode(raw string) (*token.Unverified, error) {
	if d := &j.decoded; raw == "" || d.raw != raw {
		d.raw = raw
		d.token, d.err = j.a.decode(raw)
	}
	return j.decoded.token, j.decoded.err
}

// unverified is decode for rules to which a token that is none is just absent.
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

// bearerToken reads Authorization as Clerk's SDK does: "Bearer <token>" exactly so
// spelled, text behind a second space ignored; a value without a space is a bare
// token; every other scheme counts as no token.
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

// readSession works out of the cookies, which must have been read, and the query
// everything that a decision without a header token needs.
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

// usesSuffixedCookies decides which set of cookies counts; section 4 of the
// protocol, first rule that fits. The tokens' signatures are not looked at.
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

// hasNullSession finds a session cookie whose claims are the JSON value null. Clerk's
// SDK throws at it while it chooses between plain and suffixed cookies, whatever
// else the request carries; so it signs nobody in here either.
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

// hasTinyClaims spares real tokens the look at their claims.
func hasTinyClaims(raw string) bool {
	_, rest, _ := strings.Cut(raw, ".")
	claims, _, signed := strings.Cut(rest, ".")
	return signed && len(claims) < 64
}

// expired compares the unsigned exp to the second, without clock skew.
func (j *judged) expired(t *token.Unverified) bool {
	return t != nil && t.ExpiresUntil(float64(j.a.now().Unix()))
}

// issuerOf returns the unsigned issuer without its scheme; ok is false for a
// token that cannot be decoded or has none. An issuer that is no text belongs to
// nobody, so it comes back as "".
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

// withoutScheme removes every http:// and https://, in any case.
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

// isDocumentRequest is the test for a handshake: probably a person's browser
// asking for a page. HEAD, form posts and fetch are not.
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

// origin is the request's public origin.
func (j *judged) origin() string { return j.public.Origin() }

// frontendAPI is where this request's browser reaches the Frontend API: a host
// or an absolute URL.
func (j *judged) frontendAPI() string {
	if j.a.instance.proxyPath != "" {
		return j.origin() + j.a.instance.proxyPath
	}
	return j.a.instance.frontendAPI
}

// HasHeaderToken says whether r is judged by its Authorization header, so that its
// cookies do not count. A page of another site cannot make a browser send that
// header, which is what a guard against cross-site requests needs to know.
func HasHeaderToken(r *http.Request) bool { return bearerToken(r.Header) != "" }
