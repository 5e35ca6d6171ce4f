package clerktest

import (
	"slices"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// Limits on the state of one instance; the least recently used entries are dropped first.
const (
	maxClients           = 10_000
	maxSessionsPerClient = 8
	maxRefreshTokens     = 8 // per session: several tabs can finish a handshake at once
	maxNonces            = 10_000
	maxConsumed          = 50_000

	sessionLifetime = 7 * 24 * time.Hour
	abandonAfter    = 30 * 24 * time.Hour
	nonceLifetime   = time.Minute
)

// state is everything that changes. Clerk.mu protects it.
type state struct {
	clients  *simplelru.LRU[string, *client] // by id
	byToken  map[string]*client              // by dev browser or __client cookie
	sessions map[string]*session
	nonces   *simplelru.LRU[string, payload]
	consumed *simplelru.LRU[string, struct{}] // jti of session tokens that were refreshed
	tickets  *simplelru.LRU[string, *ticket]  // by id
	started  int                              // sessions so far

	machineTokens []*MachineToken // oldest first

	emit func(event string, s *session) // sends an event to the webhooks
}

// client is one browser.
type client struct {
	id        string
	token     string     // the secret that identifies the browser
	sessions  []*session // oldest first
	signIn    *signIn
	strategy  string // of the last sign-in
	used      bool   // somebody has begun to sign in; before that it is null in the Frontend API
	createdAt time.Time
	updatedAt time.Time // of the last sign-in or sign-out; becomes __client_uat
}

// session is one sign-in of one user in one browser.
type session struct {
	id           string
	number       int // in the order of creation
	client       *client
	user         *user
	member       *membership // in the active organization; nil if none is active
	status       string
	tasks        []string // unfinished, of a pending session
	refresh      []string // valid refresh tokens, oldest first
	createdAt    time.Time
	updatedAt    time.Time
	lastActiveAt time.Time
}

// payload is a handshake's list of Set-Cookie lines, to be fetched with a nonce.
type payload struct {
	directives []string
	expires    time.Time
}

func newState(emit func(string, *session)) *state {
	s := &state{byToken: map[string]*client{}, sessions: map[string]*session{}, emit: emit}
	s.clients = newLRU(maxClients, s.dropped)
	s.nonces = newLRU[string, payload](maxNonces, nil)
	s.consumed = newLRU[string, struct{}](maxConsumed, nil)
	s.tickets = newLRU[string, *ticket](maxTickets, nil)
	return s
}

func newLRU[K comparable, V any](size int, dropped func(K, V)) *simplelru.LRU[K, V] {
	lru, err := simplelru.NewLRU(size, dropped)
	if err != nil {
		panic("clerktest: " + err.Error()) // the sizes are constants above zero
	}
	return lru
}

// dropped removes the sessions of a client that the LRU has dropped.
func (st *state) dropped(_ string, cl *client) {
	delete(st.byToken, cl.token)
	for _, sess := range cl.sessions {
		delete(st.sessions, sess.id)
	}
}

func (st *state) newClient(token string, now time.Time) *client {
	cl := &client{id: newID("client"), token: token, createdAt: now, updatedAt: now}
	st.byToken[token] = cl
	st.clients.Add(cl.id, cl)
	return cl
}

// clientByToken returns the client with the token, or nil.
func (st *state) clientByToken(token string) *client {
	cl := st.byToken[token]
	if cl != nil {
		st.clients.Get(cl.id) // marks it as used
	}
	return cl
}

// retoken gives a browser a new secret, so that one from before the sign-in becomes useless.
func (st *state) retoken(cl *client, token string) {
	delete(st.byToken, cl.token)
	cl.token = token
	st.byToken[token] = cl
}

// signIn starts a session in which the organization of member, if not nil, is active. It replaces earlier sessions, as
// an instance in single-session mode does.
func (st *state) signIn(cl *client, u *user, member *membership, now time.Time) *session {
	for _, old := range cl.sessions {
		st.finish(old, "replaced", now)
	}
	sess := &session{
		id: newID("sess"), number: st.started, client: cl, user: u, member: member, status: "active",
		createdAt: now, updatedAt: now, lastActiveAt: now,
	}
	st.started++
	event := "session.created"
	if len(u.Tasks) > 0 {
		sess.status, sess.tasks, event = "pending", slices.Clone(u.Tasks), "session.pending"
	}
	if len(cl.sessions) == maxSessionsPerClient {
		delete(st.sessions, cl.sessions[0].id)
		cl.sessions = slices.Delete(cl.sessions, 0, 1)
	}
	cl.sessions = append(cl.sessions, sess)
	cl.signIn, cl.used, cl.updatedAt = nil, true, now
	st.sessions[sess.id] = sess
	u.lastSignInAt, u.lastActiveAt = now, now
	st.emit(event, sess)
	return sess
}

// finish ends a session, unless it has ended already. Clerk has no event for a session that another one replaces.
func (st *state) finish(sess *session, status string, now time.Time) {
	if !sess.alive(now) {
		return
	}
	sess.status, sess.updatedAt, sess.refresh, sess.tasks = status, now, nil, nil
	sess.client.updatedAt = now
	if status != "replaced" {
		st.emit("session."+status, sess)
	}
}

// active returns the client's newest live session, or nil.
func (cl *client) active(now time.Time) *session {
	if cl == nil {
		return nil
	}
	for _, sess := range slices.Backward(cl.sessions) {
		if sess.alive(now) {
			return sess
		}
	}
	return nil
}

// live returns the client's live sessions, oldest first.
func (cl *client) live(now time.Time) []*session {
	var alive []*session
	for _, s := range cl.sessions {
		if s.alive(now) {
			alive = append(alive, s)
		}
	}
	return alive
}

func (s *session) statusAt(now time.Time) string {
	if (s.status == "active" || s.status == "pending") && !now.Before(s.createdAt.Add(sessionLifetime)) {
		return "expired"
	}
	return s.status
}

// alive reports whether the session is active or pending.
func (s *session) alive(now time.Time) bool {
	status := s.statusAt(now)
	return status == "active" || status == "pending"
}

// standing returns the sts claim, which has two values: pending or, also for a session that has ended, active.
func (s *session) standing() string {
	if s.status == "pending" {
		return "pending"
	}
	return "active"
}

// newRefreshToken creates a refresh token for the session.
func (s *session) newRefreshToken() string {
	token := "r_" + randomWord(43)
	if len(s.refresh) == maxRefreshTokens {
		s.refresh = slices.Delete(s.refresh, 0, 1)
	}
	s.refresh = append(s.refresh, token)
	return token
}

// useRefreshToken consumes a refresh token of the session, and reports whether it was valid.
func (s *session) useRefreshToken(token string) bool {
	i := slices.IndexFunc(s.refresh, func(known string) bool { return equalSecret(known, token) })
	if i < 0 {
		return false
	}
	s.refresh = slices.Delete(s.refresh, i, i+1)
	return true
}
