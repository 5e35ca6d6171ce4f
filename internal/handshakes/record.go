package handshakes

import (
	"encoding/base64"
	"encoding/json"
	"hash/maphash"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Outcome is what became of a request.
type Outcome string

const (
	// Sent means that the browser was sent to Clerk, or on from there without Clerk's
	// parameters.
	Sent Outcome = "sent"
	// Stopped means that the browser was not sent once more, because that went on and on.
	Stopped Outcome = "stopped"
	// Refused means that a session was not accepted.
	Refused Outcome = "refused"
)

// The cookies and parameters of the protocol that are looked at (docs/protocol.md, 4).
const (
	cookiePrefix  = "__client_uat"
	sessionPrefix = "__session"
	refreshPrefix = "__refresh"
	devPrefix     = "__clerk_db_jwt"
	nonceName     = "__clerk_handshake_nonce"
	tokenName     = "__clerk_handshake"
	countName     = "__clerk_redirect_count"
)

// maxCookies bounds how many cookies of a request are kept.
const maxCookies = 24

// Record is what is known of one request. It holds nothing secret.
type Record struct {
	// At is when it came.
	At time.Time `json:"at"`
	// Browser tells browsers apart; it means nothing outside this process.
	Browser uint64 `json:"browser"`
	// Outcome is what became of it, and Reason why, in the words of Clerk's SDK.
	Outcome Outcome `json:"outcome"`
	Reason  string  `json:"reason"`
	// Scheme and Host are those of the public URL, as it was worked out.
	Scheme string `json:"scheme"`
	Host   string `json:"host"`
	// Page tells pages apart: the host and path of the public URL.
	Page uint64 `json:"page"`
	// ForwardedScheme is what a peer that is not trusted said the scheme is; "" if none did.
	ForwardedScheme string `json:"forwarded_scheme,omitempty"`
	// Cookies are Clerk's, in the order of the request.
	Cookies []Cookie `json:"cookies"`
	// Redirects is how many redirects came before this one, as the browser says.
	Redirects int `json:"redirects"`
	// Nonce tells the results of handshakes apart; 0 if the request brought none.
	Nonce uint64 `json:"nonce,omitempty"`
	// Party is the origin that the session token was made for, its claim azp.
	Party string `json:"azp,omitempty"`
	// Via says what is on the way of the request, if it says so itself.
	Via string `json:"via,omitempty"`
}

// Cookie is one cookie without its value.
type Cookie struct {
	Name  string `json:"name"`
	Bytes int    `json:"bytes"` // of the value
}

// Seen is what a server knows of a request beside the request itself.
type Seen struct {
	Now     time.Time
	Outcome Outcome
	Reason  string
	// Scheme and Host are those of the public URL.
	Scheme, Host string
	// Client is the browser's address.
	Client netip.Addr
	// Trusted says that the peer may say what the public URL is.
	Trusted bool
}

// Read makes a record of a request. seed makes what tells browsers and nonces apart
// useless to anybody else.
func Read(r *http.Request, s Seen, seed maphash.Seed) Record {
	rec := Record{
		At: s.Now, Outcome: s.Outcome, Reason: s.Reason, Scheme: s.Scheme, Host: clean(s.Host),
		Page:    hash(seed, s.Host+r.URL.EscapedPath()),
		Browser: browserOf(r, s.Client, seed), Via: clean(r.Header.Get("Via")),
	}
	if proto, _, _ := strings.Cut(r.Header.Get("X-Forwarded-Proto"), ","); !s.Trusted && proto != "" {
		rec.ForwardedScheme = clean(strings.ToLower(strings.TrimSpace(proto)))
	}
	for _, c := range r.Cookies() {
		rec.add(c.Name, c.Value, seed)
	}
	if query := r.URL.Query(); query.Has(nonceName) {
		rec.Nonce = hash(seed, query.Get(nonceName))
	} else if query.Has(tokenName) {
		rec.Nonce = hash(seed, query.Get(tokenName))
	}
	return rec
}

func browserOf(r *http.Request, client netip.Addr, seed maphash.Seed) uint64 {
	return maphash.String(seed, client.String()+"\n"+r.UserAgent())
}

// add takes what is kept of a cookie.
func (rec *Record) add(name, value string, seed maphash.Seed) {
	switch {
	case name == nonceName || name == tokenName:
		rec.Nonce = hash(seed, value)
	case name == countName:
		rec.Redirects, _ = strconv.Atoi(value)
	case !strings.HasPrefix(name, cookiePrefix) && !strings.HasPrefix(name, sessionPrefix) && !strings.HasPrefix(name, refreshPrefix) && !strings.HasPrefix(name, devPrefix):
		return
	case strings.HasPrefix(name, sessionPrefix) && rec.Party == "":
		rec.Party = partyOf(value)
	}
	if len(rec.Cookies) < maxCookies {
		rec.Cookies = append(rec.Cookies, Cookie{Name: clean(name), Bytes: len(value)})
	}
}

func hash(seed maphash.Seed, s string) uint64 { return max(maphash.String(seed, s), 1) }

// partyOf returns the claim azp of a token, which is not verified: it is shown to whoever
// looks for a mistake, and decides nothing.
func partyOf(token string) string {
	const most = 8 << 10
	parts := strings.Split(token, ".")
	if len(parts) != 3 || len(token) > most {
		return ""
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims struct {
		Party string `json:"azp"`
	}
	if err != nil || json.Unmarshal(text, &claims) != nil {
		return ""
	}
	return clean(claims.Party)
}

// clean bounds a text from the network, and takes out what is not printable ASCII.
func clean(s string) string {
	const most = 100
	s = strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
	if len(s) > most {
		s = s[:most]
	}
	return s
}
