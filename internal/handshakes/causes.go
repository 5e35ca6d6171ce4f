package handshakes

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Cause is one thing that keeps browsers from being signed in.
type Cause struct {
	// Name is short and stays the same: it labels metrics, and is a section of the
	// documentation.
	Name string `json:"name"`
	// Message says in one sentence what is wrong, Detail what that rests on, and Remedy what
	// to do.
	Message string `json:"message"`
	Detail  string `json:"detail,omitempty"`
	Remedy  string `json:"remedy"`
}

// The names of causes.
const (
	CookieTwice       = "cookie-twice"
	CookiesDropped    = "cookies-dropped"
	RedirectCached    = "redirect-cached"
	SchemeWrong       = "scheme-wrong"
	CookieLarge       = "cookie-large"
	CookiesBlocked    = "cookies-blocked"
	PartyForeign      = "azp-foreign"
	ClockWrong        = "clock-wrong"
	KeysMixed         = "keys-mixed"
	OrganizationWrong = "organization-wrong"
	// Unknown labels a loop that none of the others explains.
	Unknown = "unknown"
)

// Names returns the names of all causes, Unknown among them.
func Names() []string {
	return []string{
		CookieTwice, CookiesDropped, RedirectCached, SchemeWrong, CookieLarge, CookiesBlocked, PartyForeign, ClockWrong, KeysMixed,
		OrganizationWrong, Unknown,
	}
}

const (
	// often is how many times something must happen to one browser that can happen once to
	// anybody.
	often = 3
	// window is within which that must be.
	window = time.Minute
	// largeCookie is a size from which on a cookie with its attributes may be more than the
	// 4,096 bytes that browsers keep (RFC 6265, section 6.1).
	largeCookie = 3500
	// atOnce is less than the two seconds that the cookie with the redirect count lives.
	atOnce = 1500 * time.Millisecond
)

// Causes returns what is wrong, by the records of one server or one browser, the oldest
// first. It is empty if nothing is, as far as records can tell. production says whether the
// instance is one for production.
func Causes(records []Record, production bool) []Cause {
	var found []Cause
	for _, look := range []func([]Record, bool) *Cause{
		cookieTwice, redirectCached, cookiesDropped, schemeWrong, cookieLarge, cookiesBlocked, partyForeign, clockWrong, keysMixed, organizationWrong,
	} {
		if c := look(records, production); c != nil {
			found = append(found, *c)
		}
	}
	return found
}

// Of returns the records of the browser that r is of.
func Of(records []Record, browser uint64) []Record {
	return slices.DeleteFunc(slices.Clone(records), func(r Record) bool { return r.Browser != browser })
}

// cookieTwice sees one name twice in a request: two cookies, of the host and of its parent
// domain, or of two paths. Which one counts is chance.
func cookieTwice(records []Record, _ bool) *Cause {
	for _, r := range slices.Backward(records) {
		seen := make(map[string]bool)
		for _, c := range r.Cookies {
			if seen[c.Name] {
				return &Cause{
					Name: CookieTwice, Message: "A browser sends the cookie " + c.Name + " twice, so that an old value can win.",
					Detail: "at " + r.Host + "; one is of this host, the other of a parent domain or of another path",
					Remedy: "Delete both in the browser. If they return, find what sets a cookie of this name for another domain: an instance of Clerk on a sibling domain, or a gateway that rewrites Domain.",
				}
			}
			seen[c.Name] = true
		}
	}
	return nil
}

// redirectCached sees the result of one handshake again. It can be used once.
func redirectCached(records []Record, _ bool) *Cause {
	seen := make(map[uint64]Record)
	for _, r := range records {
		if r.Nonce == 0 {
			continue
		}
		before, again := seen[r.Nonce]
		if !again {
			seen[r.Nonce] = r
			continue
		}
		if before.Browser != r.Browser {
			return &Cause{
				Name: RedirectCached, Message: "Two browsers brought the result of the same handshake: something on the way caches redirects.",
				Detail: via(r), Remedy: "Let caches and CDNs store nothing that has Set-Cookie or Cache-Control: no-store.",
			}
		}
		if hasSession(r) && !hasSession(before) {
			return &Cause{
				Name: RedirectCached, Message: "A browser brought the result of the same handshake again, with the cookies that it led to: a redirect was cached.",
				Detail: via(r), Remedy: "Let caches, CDNs and service workers store no answer with Cache-Control: no-store.",
			}
		}
	}
	return nil
}

// cookiesDropped sees a browser go on without the cookies it was given: the redirect count
// lives longer than the way to Clerk and back takes here.
func cookiesDropped(records []Record, _ bool) *Cause {
	type visit struct{ browser, page uint64 }
	last := make(map[visit]time.Time)
	times := make(map[visit]int)
	for _, r := range records {
		if r.Outcome == Refused {
			continue
		}
		at := visit{r.Browser, r.Page}
		before, known := last[at]
		last[at] = r.At
		if !known || r.At.Sub(before) > atOnce || r.Redirects > 0 {
			times[at] = 0
			continue
		}
		if times[at]++; times[at] >= often {
			return &Cause{
				Name: CookiesDropped, Message: "Cookies that are set with redirects do not come back.",
				Detail: fmt.Sprintf("%d redirects in a row at %s://%s without the cookie %s; %s", times[at]+1, r.Scheme, r.Host, countName, via(r)),
				Remedy: "Let what is in front of clerkgate pass Set-Cookie on, with forward auth too. If it does, the browser refuses the cookies: see whether it blocks them for this site.",
			}
		}
	}
	return nil
}

// schemeWrong sees a public URL that cannot be the browser's.
func schemeWrong(records []Record, production bool) *Cause {
	for _, r := range slices.Backward(records) {
		if r.ForwardedScheme != "" && r.ForwardedScheme != r.Scheme && (r.ForwardedScheme == "http" || r.ForwardedScheme == "https") {
			return &Cause{
				Name: SchemeWrong, Message: "What is in front says " + r.ForwardedScheme + ", but it is not trusted to, so that " + r.Scheme + " counts.",
				Detail: "public URL " + r.Scheme + "://" + r.Host,
				Remedy: "Name the address of what is in front in CLERKGATE_TRUSTED_PROXIES.",
			}
		}
		if production && r.Scheme == "http" && !isLocal(r.Host) {
			return &Cause{
				Name: SchemeWrong, Message: "A production instance is used over http, where browsers do not keep its cookies.",
				Detail: "public URL http://" + r.Host,
				Remedy: "Let what is in front send X-Forwarded-Proto: https, and name it in CLERKGATE_TRUSTED_PROXIES; or set CLERKGATE_TLS_CERT_FILE.",
			}
		}
	}
	return nil
}

func isLocal(host string) bool {
	name := host
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		name = host[:i]
	}
	addr, err := netip.ParseAddr(strings.Trim(name, "[]"))
	return name == "localhost" || strings.HasSuffix(name, ".localhost") || err == nil && addr.IsLoopback()
}

func cookieLarge(records []Record, _ bool) *Cause {
	for _, r := range slices.Backward(records) {
		for _, c := range r.Cookies {
			if strings.HasPrefix(c.Name, sessionPrefix) && c.Bytes > largeCookie {
				return &Cause{
					Name: CookieLarge, Message: "A session token is almost as large as a cookie may be; a larger one is not kept by browsers.",
					Detail: fmt.Sprintf("%s has %d bytes of about 4,000", c.Name, c.Bytes),
					Remedy: "Take claims out of the session token (Clerk's dashboard, page Sessions), such as whole metadata; ask Clerk for them instead.",
				}
			}
		}
	}
	return nil
}

// cookiesBlocked sees a browser that never gets the cookie of a development browser.
func cookiesBlocked(records []Record, _ bool) *Cause {
	r, n := repeated(records, func(r Record) bool { return r.Reason == "dev-browser-missing" })
	if n < often {
		return nil
	}
	return &Cause{
		Name: CookiesBlocked, Message: "A browser does not keep the cookie " + devPrefix + " of a development instance.",
		Detail: fmt.Sprintf("%d times in a minute at %s", n, r.Host),
		Remedy: "See whether the browser blocks cookies of this site: tracking prevention and private windows do. A production instance does not need this cookie.",
	}
}

// partyForeign counts the origins whose tokens are not accepted.
func partyForeign(records []Record, _ bool) *Cause {
	counts := make(map[string]int)
	for _, r := range records {
		if r.Reason == "token-invalid-authorized-parties" {
			counts[r.Party]++
		}
	}
	if len(counts) == 0 {
		return nil
	}
	var texts []string
	for _, party := range slices.SortedFunc(maps.Keys(counts), func(a, b string) int { return cmp.Or(counts[b]-counts[a], strings.Compare(a, b)) }) {
		texts = append(texts, fmt.Sprintf("%s: %d", cmp.Or(party, "no azp"), counts[party]))
	}
	const most = 5
	return &Cause{
		Name: PartyForeign, Message: "Tokens are refused because they were made for an origin that is not in CLERKGATE_AUTHORIZED_PARTIES.",
		Detail: strings.Join(texts[:min(len(texts), most)], ", "),
		Remedy: "Add the origin, if it is one of this application's.",
	}
}

func clockWrong(records []Record, _ bool) *Cause {
	reasons := []string{"session-token-iat-in-the-future", "session-token-nbf", "token-iat-in-the-future", "token-not-active-yet"}
	r, n := repeated(records, func(r Record) bool { return slices.Contains(reasons, r.Reason) })
	if n < 2 {
		return nil
	}
	return &Cause{
		Name: ClockWrong, Message: "Tokens come from the future: the clock of this machine is behind Clerk's.",
		Detail: r.Reason, Remedy: "Synchronize the clock. clerkgate doctor says how far it is off.",
	}
}

func keysMixed(records []Record, _ bool) *Cause {
	reasons := []string{"jwk-kid-mismatch", "jwk-failed-to-resolve", "token-invalid-signature", "token-invalid-issuer"}
	r, n := repeated(records, func(r Record) bool { return slices.Contains(reasons, r.Reason) })
	if n < often {
		return nil
	}
	return &Cause{
		Name: KeysMixed, Message: "A browser's tokens are signed by another instance's key.",
		Detail: r.Reason,
		Remedy: "Run clerkgate doctor, which compares the keys. If they belong together, delete the site's cookies: they may be of an instance that was used before.",
	}
}

func organizationWrong(records []Record, _ bool) *Cause {
	r, n := repeated(records, func(r Record) bool { return r.Reason == "active-organization-mismatch" })
	if n < often {
		return nil
	}
	return &Cause{
		Name: OrganizationWrong, Message: "The organization in the path cannot be made the active one.",
		Detail: fmt.Sprintf("%d times in a minute at %s", n, r.Host),
		Remedy: "Check CLERKGATE_ORGANIZATION_PATTERNS: a part of the path that is not an organization's id or slug must not match :id or :slug, and the user must be a member.",
	}
}

// repeated returns how often something happened to one browser within the window, at most,
// and the last time it did.
func repeated(records []Record, is func(Record) bool) (last Record, n int) {
	recent := make(map[uint64][]time.Time)
	for _, r := range records {
		if !is(r) {
			continue
		}
		times := append(recent[r.Browser], r.At)
		for r.At.Sub(times[0]) > window {
			times = times[1:]
		}
		recent[r.Browser] = times
		if len(times) >= n {
			last, n = r, len(times)
		}
	}
	return last, n
}

func hasSession(r Record) bool {
	return slices.ContainsFunc(r.Cookies, func(c Cookie) bool { return strings.HasPrefix(c.Name, sessionPrefix) && c.Bytes > 0 })
}

func via(r Record) string {
	if r.Via == "" {
		return "requests do not say what is on their way"
	}
	return "Via: " + r.Via
}
