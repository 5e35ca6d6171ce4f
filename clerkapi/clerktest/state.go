package clerktest

import (
	"slices"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// Bounds of what one instance remembers; the least recently used goes first.
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

// state is everything that changes; Clerk.mu guards it.
type state struct {
	clients  *simplelru.LRU[string, *client] // by id
	byToken  map[string]*client              // by what the browser shows: dev browser, or __client cookie
	sessions map[string]*session
	nonces   *simplelru.LRU[string, payload]
	consumed *simplelru.LRU[string, struct{}] // jti of session tokens that were refreshed
	tickets  *simplelru.LRU[string, *ticket]  // by id
	started  int                              // sessions so far

	machineTokens []*MachineToken // oldest first

	emit func(event string, s *session) // tells the webhooks
}

// client is one browser.
type client struct {
	id        string
	token     string     // the secret by which the browser is known
	sessions  []*session // oldest first
	signIn    *signIn
	strategy  string // of the last sign-in
	used      bool   // somebody began to sign in; before that the Frontend API calls it null
	createdAt time.Time
	updatedAt time.Time // of the last sign-in or sign-out; becomes __client_uat
}

// session is one sign-in of one user in one browser.
type session struct {
	id           string
	number       int // in the order of making
	client       *client
	user         *user
	member       *membership // in the active organization; nil: none is active
	status       string
	tasks        []string // what a pending session waits for
	refresh      []string // valid refresh tokens, oldest first
	createdAt    time.Time
	updatedAt    time.Time
	lastActiveAt time.Time
}

// payload is a handshake's list of Set-Cookie lines, waiting to be fetched by nonce.
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

// dropped forgets all that hangs on a client.
func (s *state) dropped(_ string, cl *client) {
	delete(s.byToken, cl.token)
	for _, sess := range cl.sessions {
		delete(s.sessions, sess.id)
	}
}

func (s *state) newClient(token string, now time.Time) *client {
	cl := &client{id: newID("client"), token: token, createdAt: now, updatedAt: now}
	s.byToken[token] = cl
	s.clients.Add(cl.id, cl)
	return cl
}

// clientByToken is nil for a browser that nobody knows.
func (s *state) clientByToken(token string) *client {
	cl := s.byToken[token]
	if cl != nil {
		s.clients.Get(cl.id) // it was just used
	}
	return cl
}

// retoken gives a browser a new secret, so that one known from before sign-in is worth nothing after it.
func (s *state) retoken(cl *client, token string) {
	delete(s.byToken, cl.token)
	cl.token = token
	s.byToken[token] = cl
}

// signIn begins a session, with the organization of member active if there is one. An instance in single-session mode
// replaces the one before.
func (s *state) signIn(cl *client, u *user, member *membership, now time.Time) *session {
	for _, old := range cl.sessions {
		s.finish(old, "replaced", now)
	}
	sess := &session{
		id: newID("sess"), number: s.started, client: cl, user: u, member: member, status: "active",
		createdAt: now, updatedAt: now, lastActiveAt: now,
	}
	s.started++
	event := "session.created"
	if len(u.Tasks) > 0 {
		sess.status, sess.tasks, event = "pending", slices.Clone(u.Tasks), "session.pending"
	}
	if len(cl.sessions) == maxSessionsPerClient {
		delete(s.sessions, cl.sessions[0].id)
		cl.sessions = slices.Delete(cl.sessions, 0, 1)
	}
	cl.sessions = append(cl.sessions, sess)
	cl.signIn, cl.used, cl.updatedAt = nil, true, now
	s.sessions[sess.id] = sess
	u.lastSignInAt, u.lastActiveAt = now, now
	s.emit(event, sess)
	return sess
}

// finish ends a session that is alive; one that is over already keeps its status. Clerk has events for three endings,
// not for a session that another one replaced.
func (s *state) finish(sess *session, status string, now time.Time) {
	if !sess.alive(now) {
		return
	}
	sess.status, sess.updatedAt, sess.refresh, sess.tasks = status, now, nil, nil
	sess.client.updatedAt = now
	if status != "replaced" {
		s.emit("session."+status, sess)
	}
}

// active is the client's newest session that is alive, or nil.
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

// live are the client's sessions that are alive, oldest first.
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

// alive is active or pending: the browser still holds it.
func (s *session) alive(now time.Time) bool {
	status := s.statusAt(now)
	return status == "active" || status == "pending"
}

// standing is the sts claim, which knows two values: also a session that is over was active once.
func (s *session) standing() string {
	if s.status == "pending" {
		return "pending"
	}
	return "active"
}

// newRefreshToken adds a refresh token to those that the session accepts.
func (s *session) newRefreshToken() string {
	token := "r_" + randomWord(43)
	if len(s.refresh) == maxRefreshTokens {
		s.refresh = slices.Delete(s.refresh, 0, 1)
	}
	s.refresh = append(s.refresh, token)
	return token
}

// useRefreshToken takes a refresh token away from the session and says whether it was one.
func (s *session) useRefreshToken(token string) bool {
	i := slices.IndexFunc(s.refresh, func(known string) bool { return equalSecret(known, token) })
	if i < 0 {
		return false
	}
	s.refresh = slices.Delete(s.refresh, i, i+1)
	return true
}
