package handshakes

import (
	"hash/maphash"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

var start = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// sent is a redirect of browser 1, some milliseconds after the start.
func sent(ms int, change ...func(*Record)) Record {
	r := Record{At: start.Add(time.Duration(ms) * time.Millisecond), Browser: 1, Page: 1, Outcome: Sent, Scheme: "https", Host: "app.example.com"}
	for _, c := range change {
		c(&r)
	}
	return r
}

func because(reason string) func(*Record) { return func(r *Record) { r.Reason = reason } }
func browser(n uint64) func(*Record)      { return func(r *Record) { r.Browser = n } }
func nonce(n uint64) func(*Record)        { return func(r *Record) { r.Nonce = n } }
func redirects(n int) func(*Record)       { return func(r *Record) { r.Redirects = n } }
func ended(o Outcome) func(*Record)       { return func(r *Record) { r.Outcome = o } }
func at(scheme, host string) func(*Record) {
	return func(r *Record) { r.Scheme, r.Host = scheme, host }
}
func party(azp string) func(*Record)        { return func(r *Record) { r.Party = azp } }
func page(n uint64) func(*Record)           { return func(r *Record) { r.Page = n } }
func forwarded(scheme string) func(*Record) { return func(r *Record) { r.ForwardedScheme = scheme } }
func cookie(name string, n int) func(*Record) {
	return func(r *Record) { r.Cookies = append(r.Cookies, Cookie{name, n}) }
}

func TestCauses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		records    []Record
		production bool
		causes     []string
		says       string
	}{
		"nothing": {},
		"a handshake that succeeds": {records: []Record{
			sent(0, because("dev-browser-missing")), sent(300, nonce(7), redirects(1)),
		}},
		"a page that is opened again and again": {records: []Record{sent(0), sent(5000), sent(10_000), sent(15_000), sent(20_000)}},
		"many tabs at once":                     {records: []Record{sent(0), sent(1, page(2)), sent(2, page(3)), sent(3, page(4)), sent(4, page(5))}},
		"many browsers at once":                 {records: []Record{sent(0), sent(1, browser(2)), sent(2, browser(3)), sent(3, browser(4)), sent(4, browser(5))}},
		"one cookie twice": {
			records: []Record{sent(0, cookie("__client_uat", 10), cookie("__session", 700), cookie("__client_uat", 10))},
			causes:  []string{CookieTwice}, says: "__client_uat twice",
		},
		"with suffix and without": {records: []Record{sent(0, cookie("__client_uat", 10), cookie("__client_uat_abcdefgh", 10))}},
		"cookies that do not come back": {
			records: []Record{sent(0), sent(100), sent(200), sent(300)}, causes: []string{CookiesDropped}, says: "4 redirects in a row",
		},
		"cookies that come back late": {records: []Record{sent(0), sent(100), sent(200), sent(300, redirects(1)), sent(400), sent(500)}},
		"refusals between do not matter": {
			records: []Record{sent(0), sent(100, ended(Refused)), sent(200), sent(300), sent(400)}, causes: []string{CookiesDropped},
		},
		"one result for two browsers": {
			records: []Record{sent(0, nonce(7)), sent(9000, nonce(7), browser(2))}, causes: []string{RedirectCached}, says: "Two browsers",
		},
		"one result again, after it worked": {
			records: []Record{sent(0, nonce(7)), sent(60_000, nonce(7), cookie("__session", 700))}, causes: []string{RedirectCached}, says: "was cached",
		},
		"one result again by going back": {records: []Record{sent(0, nonce(7)), sent(9000, nonce(7))}},
		"https that nobody may say": {
			records: []Record{sent(0, at("http", "app.example.com"), forwarded("https"))}, causes: []string{SchemeWrong}, says: "CLERKGATE_TRUSTED_PROXIES",
		},
		"nonsense that nobody may say": {records: []Record{sent(0, forwarded("gopher"))}},
		"production over http": {
			records: []Record{sent(0, at("http", "app.example.com"))}, production: true, causes: []string{SchemeWrong}, says: "over http",
		},
		"production on this machine": {records: []Record{sent(0, at("http", "localhost:8080")), sent(1, at("http", "[::1]:8080"), page(2))}, production: true},
		"development over http":      {records: []Record{sent(0, at("http", "app.example.com"))}},
		"a large token": {
			records: []Record{sent(0, cookie("__session", 3501))}, causes: []string{CookieLarge}, says: "3501 bytes",
		},
		"a token of usual size": {records: []Record{sent(0, cookie("__session", 3500), cookie("__refresh_x", 3900))}},
		"a browser that keeps no cookie": {
			records: []Record{sent(0, because("dev-browser-missing")), sent(9000, because("dev-browser-missing")), sent(18_000, because("dev-browser-missing"))},
			causes:  []string{CookiesBlocked},
		},
		"three browsers for the first time": {records: []Record{
			sent(0, because("dev-browser-missing")), sent(1, because("dev-browser-missing"), browser(2)), sent(2, because("dev-browser-missing"), browser(3)),
		}},
		"three times in an hour": {records: []Record{
			sent(0, because("dev-browser-missing")), sent(1_200_000, because("dev-browser-missing")), sent(2_400_000, because("dev-browser-missing")),
		}},
		"another origin's tokens": {
			records: []Record{
				sent(0, because("token-invalid-authorized-parties"), ended(Refused), party("https://www.example.com")),
				sent(1, because("token-invalid-authorized-parties"), ended(Refused)),
				sent(2, because("token-invalid-authorized-parties"), ended(Refused), party("https://www.example.com")),
			},
			causes: []string{PartyForeign}, says: "https://www.example.com: 2, no azp: 1",
		},
		"a clock behind": {
			records: []Record{sent(0, because("session-token-iat-in-the-future")), sent(3000, because("session-token-iat-in-the-future"))}, causes: []string{ClockWrong},
		},
		"tokens of another instance": {
			records: []Record{
				sent(0, because("jwk-kid-mismatch"), ended(Refused)), sent(3000, because("jwk-kid-mismatch"), ended(Refused)),
				sent(6000, because("token-invalid-signature"), ended(Refused)),
			},
			causes: []string{KeysMixed},
		},
		"an organization that is none": {
			records: []Record{
				sent(0, because("active-organization-mismatch")), sent(3000, because("active-organization-mismatch")), sent(6000, because("active-organization-mismatch")),
			},
			causes: []string{OrganizationWrong},
		},
		"two causes": {
			records: []Record{
				sent(0, cookie("__session", 3900)), sent(100, at("http", "app.example.com"), forwarded("https")), sent(200, page(9)), sent(300), sent(400), sent(500),
			},
			causes: []string{CookiesDropped, SchemeWrong, CookieLarge},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var names, texts []string
			for _, c := range Causes(test.records, test.production) {
				names, texts = append(names, c.Name), append(texts, c.Message+" "+c.Detail+" "+c.Remedy)
				assert.Contains(t, Names(), c.Name)
				assert.NotEmpty(t, c.Remedy)
			}
			assert.Equal(t, test.causes, names)
			assert.Contains(t, strings.Join(texts, "\n"), test.says)
		})
	}
}

func TestRingKeepsTheLast(t *testing.T) {
	t.Parallel()
	var ring Ring
	assert.Empty(t, ring.Records())
	for i := range Size + 10 {
		ring.Add(Record{Browser: uint64(i)}) //nolint:gosec // small
	}
	records := ring.Records()
	assert.Len(t, records, Size)
	assert.EqualValues(t, 10, records[0].Browser)
	assert.EqualValues(t, Size+9, records[Size-1].Browser)
	assert.Len(t, Of(records, 11), 1)
}

// What a request says is kept without any value, printable, and bounded.
func FuzzRead(f *testing.F) {
	f.Add("__session=eyJhbGciOiJSUzI1NiJ9.eyJhenAiOiJodHRwczovL2EuZXhhbXBsZSJ9.c2ln; __client_uat=1; theme=dark", "/?__clerk_handshake_nonce=planted0nonce", "https")
	f.Add("__clerk_redirect_count=2; __client_uat_x=1", "/x", "ht\ntp, http")
	f.Add(strings.Repeat("__session_a=b; ", 100), "/%zz", "")
	seed := maphash.MakeSeed()
	f.Fuzz(func(t *testing.T, cookies, target, proto string) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://app.example.com", nil)
		if err != nil {
			return
		}
		if u, err := r.URL.Parse(target); err == nil {
			r.URL = u
		}
		r.Header["Cookie"], r.Header["X-Forwarded-Proto"], r.Header["Via"] = []string{cookies}, []string{proto}, []string{proto}
		rec := Read(r, Seen{Now: start, Outcome: Sent, Scheme: "http", Host: "app.example.com", Client: netip.IPv4Unspecified()}, seed)
		assert.LessOrEqual(t, len(rec.Cookies), maxCookies)
		texts := []string{rec.ForwardedScheme, rec.Via, rec.Party}
		for _, c := range rec.Cookies {
			texts = append(texts, c.Name)
			assert.True(t, strings.HasPrefix(c.Name, "__"), c.Name)
		}
		for _, s := range texts {
			assert.LessOrEqual(t, len(s), 100)
			assert.Equal(t, clean(s), s)
			assert.NotContains(t, s, "planted0")
		}
	})
}
