package clerktest

import (
	"fmt"
	"net/http"
	"time"
)

// Session is a sign-in as it was when it was asked for.
type Session struct {
	ID             string
	UserID         string
	ClientID       string
	OrganizationID string // active organization, or empty
	Status         string // active, pending, ended, removed, revoked, replaced or expired
	CreatedAt      time.Time
}

// SignIn signs a user in on a browser of its own, as if by the sign-in page. It panics when nobody has that address: a
// test that misspells it should stop there.
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

// Session looks a session up; nil when there is none of that id.
func (c *Clerk) Session(id string) *Session {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.state.sessions[id]
	if s == nil {
		return nil
	}
	return c.snapshot(s)
}

// Token mints a session token as of now for a page at origin azp; an empty azp leaves the claim out. It asks nothing:
// also a session that is over gets one, as a browser may still hold. It panics for an unknown session.
func (c *Clerk) Token(sessionID, azp string) string {
	c.mu.Lock()
	claims := c.sessionClaims(c.mustSession(sessionID), azp)
	c.mu.Unlock()
	return c.keys.sign(claims)
}

// Cookies are all that a signed-in browser holds for the application at origin azp: session token and client_uat, plain
// and suffixed, a fresh refresh token, and the dev browser (development) or the client cookie (production). It panics
// for an unknown session.
func (c *Clerk) Cookies(sessionID, azp string) []*http.Cookie {
	c.mu.Lock()
	s := c.mustSession(sessionID)
	token, uat := s.client.token, c.told(s.client.updatedAt) // before the token is minted: it must not be older
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

// RevokeSession ends a session as the application would, by the Backend API. Tokens that are out stay valid until they
// expire. An unknown id, or a session that is over, changes nothing.
func (c *Clerk) RevokeSession(id string) { c.finishSession(id, "revoked") }

// EndSession ends a session as its user would, by signing out. Otherwise like [Clerk.RevokeSession].
func (c *Clerk) EndSession(id string) { c.finishSession(id, "ended") }

// InvalidateRefreshTokens makes every refresh token that the session's browser may hold useless, so that the next
// refresh fails and only a handshake helps. An unknown id changes nothing.
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
		c.mu.Unlock() // whoever recovers must not find it locked
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

// newClientToken makes the secret by which a browser is known: the dev browser, or the value of __client. Both are
// opaque to everybody but the Frontend API.
func newClientToken(production bool) string {
	if production {
		return "client_" + randomWord(43)
	}
	return "dvb_" + randomWord(43)
}
