package clerktest

import (
	"fmt"
	"net/http"
	"time"
)

// Session is a snapshot of a session.
type Session struct {
	ID             string
	UserID         string
	ClientID       string
	OrganizationID string // active organization, or ""
	Status         string // active, pending, ended, removed, revoked, replaced or expired
	CreatedAt      time.Time
}

// SignIn signs a user in in a new browser, like the sign-in page. It panics if no user has that address, because that is
// a mistake in the test.
func (c *Clerk) SignIn(email string) *Session {
	c.mu.Lock()
	defer c.mu.Unlock()
	u := c.users.byEmail[normalEmail(email)]
	if u == nil {
		panic(fmt.Sprintf("clerktest: no user %q", email))
	}
	now := c.Now()
	cl := c.state.newClient(newClientToken(c.production), now)
	return c.snapshot(c.state.signIn(cl, u, u.initial(), now))
}

// Session returns a session by its id, or nil if there is none.
func (c *Clerk) Session(id string) *Session {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.state.sessions[id]
	if s == nil {
		return nil
	}
	return c.snapshot(s)
}

// Token returns a session token, issued now for a page at origin azp; if azp is empty, the claim is left out. It also
// works for a session that has ended, whose token a browser may still have. It panics if the session is unknown.
func (c *Clerk) Token(sessionID, azp string) string {
	c.mu.Lock()
	claims := c.sessionClaims(c.mustSession(sessionID), azp)
	c.mu.Unlock()
	return c.keys.sign(claims)
}

// Cookies returns the cookies of a signed-in browser for the application at origin azp: session token and client_uat,
// plain and suffixed, a new refresh token, and the dev browser (development) or the client cookie (production). It panics
// if the session is unknown.
func (c *Clerk) Cookies(sessionID, azp string) []*http.Cookie {
	c.mu.Lock()
	s := c.mustSession(sessionID)
	token, uat := s.client.token, c.told(s.client.updatedAt) // before the token is created, which must not be older
	claims := c.sessionClaims(s, azp)
	refresh := s.newRefreshToken()
	c.mu.Unlock()

	jar := c.jarFor(azp, "")
	cookies := jar.session(c.keys.sign(claims))
	cookies = append(cookies, jar.clientUAT(uat)...)
	cookies = append(cookies, jar.refresh(refresh))
	if c.production {
		return append(cookies, jar.client(token))
	}
	return append(cookies, jar.devBrowser(token)...)
}

// RevokeSession ends a session, as the application does with the Backend API. Issued tokens stay valid until they
// expire. An unknown id, and a session that has ended, are ignored.
func (c *Clerk) RevokeSession(id string) { c.finishSession(id, "revoked") }

// EndSession ends a session, as its user does by signing out. Otherwise it is like [Clerk.RevokeSession].
func (c *Clerk) EndSession(id string) { c.finishSession(id, "ended") }

// InvalidateRefreshTokens invalidates all refresh tokens of a session, so that the next refresh fails and a handshake is
// needed. An unknown id is ignored.
func (c *Clerk) InvalidateRefreshTokens(sessionID string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.state.sessions[sessionID]; s != nil {
		s.refresh = nil
	}
}

func (c *Clerk) finishSession(id, status string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.state.sessions[id]; s != nil {
		c.state.finish(s, status, c.Now())
	}
}

func (c *Clerk) mustSession(id string) *session {
	s := c.state.sessions[id]
	if s == nil {
		c.mu.Unlock() // the panic may be recovered
		panic(fmt.Sprintf("clerktest: no session %q", id))
	}
	return s
}

func (c *Clerk) snapshot(s *session) *Session {
	snap := &Session{
		ID: s.id, UserID: s.user.ID, ClientID: s.client.id, Status: s.statusAt(c.Now()), CreatedAt: s.createdAt,
	}
	if s.member != nil {
		snap.OrganizationID = s.member.org.id
	}
	return snap
}

// newClientToken returns a secret that identifies a browser: the dev browser, or the value of __client. Both are opaque
// to everybody but the Frontend API.
func newClientToken(production bool) string {
	if production {
		return "client_" + randomWord(43)
	}
	return "dvb_" + randomWord(43)
}
