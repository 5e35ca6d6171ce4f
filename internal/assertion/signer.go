package assertion

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	lru "github.com/hashicorp/golang-lru/v2"
)

// Type is the typ header of an assertion. Clerk's tokens say JWT, so that neither
// is taken for the other, whatever else a verifier forgets.
const Type = "clerkgate+jwt"

const (
	defaultLifetime = time.Minute
	minLifetime     = 10 * time.Second
	maxLifetime     = 10 * time.Minute
	defaultSize     = 10_000
	// maxSubject bounds what goes into one assertion, in bytes. It travels in a
	// header, and servers take 8 KiB for all of them.
	maxSubject = 4 << 10
)

// Errors of [Signer.Sign], to be compared with errors.Is.
var (
	// ErrNoSubject says that there is nobody to speak of: nobody is signed in.
	ErrNoSubject = errors.New("assertion without a subject")
	// ErrNoAudience says that no audience was named: the assertion would be good
	// for every upstream.
	ErrNoAudience = errors.New("assertion without an audience")
	// ErrTooLarge says that subject and audience do not fit into a header.
	ErrTooLarge = errors.New("assertion too large")
)

// Options configure a [Signer].
type Options struct {
	Keys   *Keys  // required
	Issuer string // the claim iss, an http or https URL; required
	// Lifetime of an assertion, 10 s to 10 min, whole seconds (the rest is cut
	// off). 0 means 60 s. One that is handed out has at least half of it left.
	Lifetime time.Duration
	// Size is how many assertions are remembered. 0 means 10 000; negative is an
	// error.
	Size int
	Now  func() time.Time // nil means time.Now
}

// Subject is who an assertion speaks of. Empty fields become no claim.
type Subject struct {
	TokenType string // token_type: session_token, api_key, m2m_token or oauth_token
	UserID    string // see [Subject.Sub]
	SessionID string // sid
	// OrgID, OrgSlug and OrgRole are org_id, org_slug and org_role.
	OrgID, OrgSlug, OrgRole string
	MachineID               string // see [Subject.Sub]
	ClientID                string // client_id: the OAuth client
	TokenID                 string // token_id: the id, not the secret, of a machine token
	Scope                   string // scope: separated by spaces, as in RFC 9068
	ActorID                 string // act.sub: who impersonates the user, as in RFC 8693
}

// Sub returns the claim sub: the user; for the token of a machine, the machine;
// for an API key that belongs to an organization, the organization. The prefixes
// of Clerk's ids (user_, mch_, org_) tell them apart, token_type says what was
// presented.
func (s *Subject) Sub() string {
	for _, id := range []string{s.UserID, s.MachineID, s.OrgID} {
		if id != "" {
			return id
		}
	}
	return ""
}

func (s *Subject) size() int {
	return len(s.TokenType) + len(s.UserID) + len(s.SessionID) + len(s.OrgID) + len(s.OrgSlug) + len(s.OrgRole) +
		len(s.MachineID) + len(s.ClientID) + len(s.TokenID) + len(s.Scope) + len(s.ActorID)
}

// Signer signs assertions and remembers them. It is safe for concurrent use and
// has no goroutines.
type Signer struct {
	key      key
	issuer   string
	lifetime time.Duration
	now      func() time.Time
	signed   *lru.Cache[question, answer]
}

// question is everything that an assertion depends on but the key, of which a
// Signer has one, and the time.
type question struct {
	subject  Subject
	audience string
}

type answer struct {
	token    string
	from, to time.Time // handed out while from <= now < to
}

// NewSigner makes a Signer. All problems of the options come in one error.
func NewSigner(o Options) (*Signer, error) {
	var problems []error
	if o.Keys == nil {
		problems = append(problems, errors.New("no keys"))
	}
	if u, err := url.Parse(o.Issuer); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		problems = append(problems, errors.New("issuer: want an http or https URL, such as https://app.example.com"))
	}
	if o.Lifetime == 0 {
		o.Lifetime = defaultLifetime
	}
	if o.Lifetime < minLifetime || o.Lifetime > maxLifetime {
		problems = append(problems, fmt.Errorf("lifetime %s: want %s to %s", o.Lifetime, minLifetime, maxLifetime))
	}
	if o.Size < 0 {
		problems = append(problems, errors.New("size is negative"))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("assertion: %w", err)
	}
	if o.Size == 0 {
		o.Size = defaultSize
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	signed, err := lru.New[question, answer](o.Size)
	if err != nil {
		return nil, fmt.Errorf("assertion: %w", err)
	}
	return &Signer{
		key: o.Keys.signing, issuer: o.Issuer, lifetime: o.Lifetime.Truncate(time.Second), now: o.Now, signed: signed,
	}, nil
}

// Sign returns an assertion about s for one audience, signed now or within the
// last half lifetime. A signature takes some 20 µs, so that the one made first
// serves the requests that follow. Errors are [ErrNoSubject], [ErrNoAudience] and
// [ErrTooLarge].
func (s *Signer) Sign(subject Subject, audience string) (string, error) {
	now := s.now().Truncate(time.Second)
	q := question{subject, audience}
	// A clock that was set back must not stretch an assertion's life.
	if a, ok := s.signed.Get(q); ok && now.Before(a.to) && !now.Before(a.from) {
		return a.token, nil
	}
	switch {
	case subject.Sub() == "":
		return "", ErrNoSubject
	case audience == "":
		return "", ErrNoAudience
	case subject.size()+len(audience) > maxSubject:
		return "", ErrTooLarge
	}
	token, err := s.sign(&subject, audience, now)
	if err != nil {
		return "", fmt.Errorf("sign assertion: %w", err)
	}
	// The caller's strings may be parts of a whole token, which would stay with them.
	s.signed.Add(q.clone(), answer{token, now, now.Add(s.lifetime / 2)})
	return token, nil
}

// claims are the payload. Times are whole seconds, rounded down, so that iat is
// never in the future and all that compares them agrees.
type claims struct {
	jwt.RegisteredClaims
	Audience  string `json:"aud"` // one string, where the embedded field would be a list of one
	TokenType string `json:"token_type,omitempty"`
	SID       string `json:"sid,omitempty"`
	OrgID     string `json:"org_id,omitempty"`
	OrgSlug   string `json:"org_slug,omitempty"`
	OrgRole   string `json:"org_role,omitempty"`
	ClientID  string `json:"client_id,omitempty"`
	TokenID   string `json:"token_id,omitempty"`
	Scope     string `json:"scope,omitempty"`
	Actor     *actor `json:"act,omitempty"`
}

type actor struct {
	Sub string `json:"sub"`
}

func (s *Signer) sign(subject *Subject, audience string, now time.Time) (string, error) {
	c := claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer:    s.issuer,
			Subject:   subject.Sub(),
			IssuedAt:  jwt.NewNumericDate(now),
			ExpiresAt: jwt.NewNumericDate(now.Add(s.lifetime)),
		},
		Audience:  audience,
		TokenType: subject.TokenType,
		SID:       subject.SessionID,
		OrgID:     subject.OrgID,
		OrgSlug:   subject.OrgSlug,
		OrgRole:   subject.OrgRole,
		ClientID:  subject.ClientID,
		TokenID:   subject.TokenID,
		Scope:     subject.Scope,
	}
	if subject.ActorID != "" {
		c.Actor = &actor{subject.ActorID}
	}
	t := jwt.NewWithClaims(s.key.method, c)
	t.Header["typ"], t.Header["kid"] = Type, s.key.id
	return t.SignedString(s.key.private)
}

func (q question) clone() question {
	for _, f := range []*string{
		&q.subject.TokenType, &q.subject.UserID, &q.subject.SessionID, &q.subject.OrgID, &q.subject.OrgSlug, &q.subject.OrgRole,
		&q.subject.MachineID, &q.subject.ClientID, &q.subject.TokenID, &q.subject.Scope, &q.subject.ActorID, &q.audience,
	} {
		*f = strings.Clone(*f)
	}
	return q
}
