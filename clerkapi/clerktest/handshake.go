package clerktest

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// handshake tells the application, through the browser, who is signed in: GET /v1/client/handshake. Its result is a list
// of Set-Cookie lines, sent back as a nonce or a token, in the URL in development and in a cookie in production.
func (c *Clerk) handshake(w http.ResponseWriter, r *http.Request) {
	base, err := c.publicBase(r)
	if err != nil {
		writeError(w, err)
		return
	}
	query := r.URL.Query()
	back, err := c.allowedURL(query.Get("redirect_url"), base, r)
	if err != nil {
		writeError(w, refuse(http.StatusBadRequest, "invalid_handshake", "redirect_url: "+err.Error()))
		return
	}
	name := "__clerk_handshake"
	switch query.Get("format") {
	case "", "token":
	case "nonce":
		name = "__clerk_handshake_nonce"
	default:
		writeError(w, refuse(http.StatusBadRequest, "invalid_handshake", "format must be nonce or token"))
		return
	}

	jar := c.jarFor(originOf(back), base.Hostname())
	value := c.payloadValue(c.handshakeDirectives(r, back, jar), name == "__clerk_handshake_nonce")
	target := query.Get("redirect_url")
	if c.production {
		setCookies(w, jar.handshake(name, value))
	} else {
		target = withParam(back, name, value)
	}
	redirect(w, http.StatusTemporaryRedirect, target)
}

// handshakeDirectives returns the cookies for the browser's session. The session token in the query is ignored: only the
// browser's client counts.
func (c *Clerk) handshakeDirectives(r *http.Request, back *url.URL, jar jar) []string {
	c.mu.Lock()
	cl := c.browser(r)
	s := cl.active(c.Now())
	var (
		claims  jwt.MapClaims
		refresh string
		uat     time.Time
	)
	if s != nil {
		if query := r.URL.Query(); query.Has("organization_id") {
			s.setOrganization(query.Get("organization_id")) // organization sync; ignored unless the user is a member
		}
		s.lastActiveAt = c.Now()
		uat = c.told(cl.updatedAt) // before the token is created, which must not be older
		claims, refresh = c.sessionClaims(s, originOf(back)), s.newRefreshToken()
	}
	c.mu.Unlock()

	token := ""
	if claims != nil {
		token = c.keys.sign(claims)
	}
	cookies := append(jar.clientUAT(uat), jar.session(token)...)
	cookies = append(cookies, jar.refresh(refresh))
	if c.production {
		// Otherwise the application would read the same payload again on its next page.
		cookies = append(cookies, jar.handshake("__clerk_handshake", ""), jar.handshake("__clerk_handshake_nonce", ""))
	} else {
		cookies = append(cookies, jar.devBrowser(cl.token)...)
	}
	return directives(cookies)
}

// browser returns the client of a document request. In production it is found by its cookie, and nil if unknown; in
// development it is found by the dev browser, and created if there is none. The caller holds c.mu.
func (c *Clerk) browser(r *http.Request) *client {
	if c.production {
		return c.state.clientByToken(cookieValue(r, "__client"))
	}
	for _, token := range c.devBrowserTokens(r) {
		if cl := c.state.clientByToken(token); cl != nil {
			return cl
		}
	}
	return c.state.newClient(newClientToken(false), c.Now())
}

// devBrowserTokens returns the dev browser from all places where it can be, the most reliable first.
func (c *Clerk) devBrowserTokens(r *http.Request) []string {
	return []string{
		r.URL.Query().Get("__clerk_db_jwt"),
		cookieValue(r, "__clerk_db_jwt_"+c.suffix),
		cookieValue(r, "__clerk_db_jwt"),
	}
}

// setOrganization activates an organization by id or slug, or the personal account for "". If the user is not a member
// it changes nothing and returns false.
func (s *session) setOrganization(wanted string) bool {
	member := s.user.memberOf(wanted)
	if wanted != "" && member == nil {
		return false
	}
	s.member = member
	return true
}

// payloadValue stores the directives under a new nonce, or signs them into a token.
func (c *Clerk) payloadValue(lines []string, nonce bool) string {
	if !nonce {
		return c.keys.sign(jwt.MapClaims{"handshake": lines})
	}
	value := strings.ToLower(randomWord(40))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state.nonces.Add(value, payload{directives: lines, expires: c.Now().Add(nonceLifetime)})
	return value
}

func cookieValue(r *http.Request, name string) string {
	cookie, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return cookie.Value
}

// redirect sends a redirect that must not be cached, because its target depends on who is signed in.
func redirect(w http.ResponseWriter, status int, target string) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Location", target)
	w.WriteHeader(status)
}
