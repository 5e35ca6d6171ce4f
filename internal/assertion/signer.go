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

// Type is the typ header of an assertion. In Clerk's tokens it is JWT, so that neither
// is accepted as the other, whatever else a verifier forgets.
const Type = "clerkgate+jwt"

const (
	defaultLifetime = time.Minute
	minLifetime     = 10 * time.Second
	maxLifetime     = 10 * time.Minute
	defaultSize     = 10_000
	// maxSubject bounds the subject and audience of an assertion, in bytes. It is sent
	// in a header, and servers accept 8 KiB for all headers together.
	maxSubject = 4 << 10
)

// Errors of [Signer.Sign], to be compared with errors.Is.
var (
	// ErrNoSubject means that the subject is empty: nobody is signed in.
	ErrNoSubject = errors.New("assertion without a subject")
	// ErrNoAudience means that the audience is empty. Such an assertion would be
	// valid for every upstream.
	ErrNoAudience = errors.New("assertion without an audience")
	// ErrTooLarge means that subject and audience do not fit into a header.
	ErrTooLarge = errors.New("assertion too large")
)

// Options configure a [Signer].
type Options struct {
	Keys   *Keys  // required
	Issuer string // the claim iss, an http or https URL; required
	// Lifetime is how long an assertion is valid, 10 s to 10 min, in whole seconds
	// (fractions are cut off). 0 means 60 s. Every assertion that is returned has at
	// least half of it left.
	Lifetime time.Duration
	// Size is how many assertions are cached. 0 means 10,000; negative is an error.
	Size int
	Now  func() time.Time // nil means time.Now
}

// Subject is who an assertion is about. Empty fields become no claim.
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

// Sub returns the claim sub: the user, or the machine for a machine's token, or the
// organization for an API key that belongs to an organization. The prefixes of Clerk's
// ids (user_, mch_, org_) tell them apart; token_type says what was presented.
func (su *Subject) Sub() string {
	for _, id := range []string{su.UserID, su.MachineID, su.OrgID} {
		if id != "" {
			return id
		}
	}
	return ""
}

func (su *Subject) size() int {
	return len(su.TokenType) + len(su.UserID) + len(su.SessionID) + len(su.OrgID) + len(su.OrgSlug) + len(su.OrgRole) +
		len(su.MachineID) + len(su.ClientID) + len(su.TokenID) + len(su.Scope) + len(su.ActorID)
}

// Signer signs assertions and caches them. It is safe for concurrent use and has no
// goroutines.
type Signer struct {
	key      key
	issuer   string
	lifetime time.Duration
	now      func() time.Time
	signed   *lru.Cache[cacheKey, cached]
}

// cacheKey is everything that an assertion depends on, apart from the Signer's key and
// the time.
type cacheKey struct {
	subject  Subject
	audience string
}

type cached struct {
	token    string
	from, to time.Time // returned while from <= now < to
}

// NewSigner returns a Signer. The error lists everything that is wrong with the options.
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
	signed, err := lru.New[cacheKey, cached](o.Size)
	if err != nil {
		return nil, fmt.Errorf("assertion: %w", err)
	}
	return &Signer{
		key: o.Keys.signing, issuer: o.Issuer, lifetime: o.Lifetime.Truncate(time.Second), now: o.Now, signed: signed,
	}, nil
}

// Sign returns an assertion about subject for one audience. A signature takes some
// 20 µs, so an assertion is reused for half of its lifetime. The error is
// [ErrNoSubject], [ErrNoAudience] or [ErrTooLarge], or it wraps one of the signing.
func (s *Signer) Sign(subject Subject, audience string) (string, error) {
	now := s.now().Truncate(time.Second)
	key := cacheKey{subject, audience}
	// A clock that is set back must not extend an assertion's life.
	if c, ok := s.signed.Get(key); ok && now.Before(c.to) && !now.Before(c.from) {
		return c.token, nil
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
	// The caller's strings may be substrings of a whole token, which they would keep alive.
	s.signed.Add(key.clone(), cached{token, now, now.Add(s.lifetime / 2)})
	return token, nil
}

// claims are the payload. Times are whole seconds, rounded down, so that iat is never
// in the future.
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

func (k cacheKey) clone() cacheKey {
	for _, f := range []*string{
		&k.subject.TokenType, &k.subject.UserID, &k.subject.SessionID, &k.subject.OrgID, &k.subject.OrgSlug, &k.subject.OrgRole,
		&k.subject.MachineID, &k.subject.ClientID, &k.subject.TokenID, &k.subject.Scope, &k.subject.ActorID, &k.audience,
	} {
		*f = strings.Clone(*f)
	}
	return k
}
