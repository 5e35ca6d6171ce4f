package middleware

import (
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/test/kit"
	"github.com/clerkgate/clerkgate/internal/weburl"
)

// FuzzReadCookies compares with a slow parser that follows the protocol word for word: split
// first, trim, keep the first of a name, decode its value once.
func FuzzReadCookies(f *testing.F) {
	names := newCookieNames("abcdefgh")
	for _, seed := range [][2]string{
		{"__session=a; __client_uat=1; __session_abcdefgh=b", ""},
		{"a=%3B%20__session=forged", "__session=b"},
		{"__session=; __session=second", "__client_uat=0"},
		{"%5F%5Fsession=encoded name; __session", "__session==="},
		{"__session=%2565; __refresh_abcdefgh=%zz%41; __clerk_db_jwt=%ff", ""},
		{"\t__session \t=\t\"quoted\" ;;=;__clerk_redirect_count=3", "__clerk_handshake=a=b"},
		{"__client_uat=\xe9%41; __clerk_handshake_nonce=\x00\x7f", ""},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		got := readCookies(http.Header{"Cookie": {first, second}}, &names)
		want := slowCookies(first + "; " + second)
		require.Equal(t, cookies{
			session: want["__session"], sessionSuffixed: want["__session_abcdefgh"],
			clientUAT: want["__client_uat"], clientUATSuffixed: want["__client_uat_abcdefgh"],
			devBrowser: want["__clerk_db_jwt"], devBrowserSuffixed: want["__clerk_db_jwt_abcdefgh"],
			refresh:   want["__refresh_abcdefgh"],
			handshake: want["__clerk_handshake"], handshakeNonce: want["__clerk_handshake_nonce"],
			redirectCount: want["__clerk_redirect_count"],
		}, got)
	})
}

var (
	slowPair   = regexp.MustCompile(`(?s)^[ \t]*([^=]*?)[ \t]*=[ \t]*(.*?)[ \t]*$`)
	slowEscape = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)
)

func slowCookies(line string) map[string]string {
	out := map[string]string{}
	for _, pair := range strings.Split(line, ";") {
		m := slowPair.FindSubmatch([]byte(pair))
		if m == nil {
			continue
		}
		if _, seen := out[string(m[1])]; !seen {
			out[string(m[1])] = slowDecode(string(m[2]))
		}
	}
	return out
}

// slowDecode is decodeURIComponent of bytes that JavaScript sees as Latin-1.
func slowDecode(value string) string {
	if strings.Count(value, "%") != len(slowEscape.FindAllString(value, -1)) {
		return latin1Text(value)
	}
	var b strings.Builder
	for rest := value; rest != ""; {
		if rest[0] != '%' {
			b.WriteString(latin1Text(rest[:1]))
			rest = rest[1:]
			continue
		}
		var run []byte
		for len(rest) > 2 && rest[0] == '%' {
			n, _ := strconv.ParseUint(rest[1:3], 16, 8)
			run, rest = append(run, byte(n)), rest[3:]
		}
		if !utf8.Valid(run) {
			return latin1Text(value)
		}
		b.Write(run)
	}
	return b.String()
}

func latin1Text(s string) string {
	var b strings.Builder
	for i := range len(s) {
		b.WriteRune(rune(s[i]))
	}
	return b.String()
}

// FuzzDirectives: no Set-Cookie line from outside can end its header, and the
// session found in the lines is the one that Clerk's SDK finds.
func FuzzDirectives(f *testing.F) {
	for _, seed := range [][3]string{
		{"__session=a.b.c; Path=/; HttpOnly", "__client_uat=1; Path=/", "__session_abcdefgh=a.b.c; Secure"},
		{"__session=x\r\nSet-Cookie: admin=1", "", ""}, {"__session\x00=", "__session=;", "__session"},
		{"__session; x=y=z", "__session=a=b=c", "=__session"}, {"a=b; __session=c", "__sessionx=1;2", "\n"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, a, b, c string) {
		lines := []string{a, b, c}
		clean := true
		var session string
		var found, hasValue bool
		for _, line := range lines {
			clean = clean && !strings.Contains(line, "\r") && !strings.Contains(line, "\n") && !strings.Contains(line, "\x00")
			parts := strings.Split(strings.Split(line, ";")[0], "=")
			if !strings.HasPrefix(parts[0], "__session") {
				continue
			}
			found, hasValue, session = true, len(parts) > 1, ""
			if hasValue {
				session = parts[1]
			}
		}
		require.Equal(t, clean, validSetCookie(lines))
		gotSession, gotFound := sessionDirective(lines)
		require.Equal(t, found, gotFound)
		require.Equal(t, session, gotSession)
		require.Equal(t, hasValue, sessionDirectiveHasValue(lines))
	})
}

// documentRules are the test for a handshake as a table: the first row that fits
// decides.
var documentRules = []struct {
	method, dest, accept string
	document             bool
}{
	{`GET`, `document`, `.*`, true},
	{`GET`, `iframe`, `.*`, true},
	{`GET`, ``, `text/html.*`, true},
	{`.*`, `.*`, `.*`, false},
}

// FuzzDocumentRequest compares the classification of a browser's page requests
// with the table.
func FuzzDocumentRequest(f *testing.F) {
	for _, seed := range [][4]string{
		{"GET", "document", "", ""}, {"GET", "iframe", "", "*/*"}, {"GET", "", "", "text/html,*/*"}, {"GET", "", "", " text/html"},
		{"HEAD", "document", "", "text/html"}, {"POST", "document", "", "text/html"}, {"GET", "empty", "", "text/html"}, {"get", "document", "", ""},
		{"GET", "Document", "", "text/html"}, {"GET", "document", "document", "text/html"}, {"GET", "", "", "TEXT/HTML"}, {"GET", "", "", "text/htmlx"},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3])
	}
	f.Fuzz(func(t *testing.T, method, dest, secondDest, accept string) {
		r := &http.Request{Method: method, Header: http.Header{"Accept": {accept}, "Sec-Fetch-Dest": {dest}}}
		joined := dest
		if secondDest != "" {
			r.Header.Add("Sec-Fetch-Dest", secondDest)
			joined += ", " + secondDest
		}
		for _, rule := range documentRules {
			if fits(rule.method, method) && fits(rule.dest, joined) && fits(rule.accept, accept) {
				require.Equal(t, rule.document, isDocumentRequest(r))
				return
			}
		}
		t.Fatal("no rule fits")
	})
}

func fits(pattern, s string) bool {
	return regexp.MustCompile(`(?s)\A(?:` + pattern + `)\z`).MatchString(s)
}

// FuzzHas: a combination holds exactly when each of its parts does, a malformed claim grants
// nothing, and machines and signed-out requests have none of it.
func FuzzHas(f *testing.F) {
	f.Add("o:invoices,ou:reports", "u:pro", "org:admin", "org:invoices:view", "invoices", "user:pro", "admin", "invoices:view", "strict", 1.0, 2.0)
	f.Add("o:invoices,broken", "", "", "", "broken", "pro", "", "", "", -1.0, -1.0)
	f.Add("o:", ":", "org:", "org:org:x", "o:", "org:", "org:", "org:x", "lax", math.NaN(), math.Inf(1))
	f.Add(" o:a , u:b ", "uo:c:d", "member", "a", "user:b", "u:c:d", "org:member", "org:a", "strict_mfa", 0.0, -2.0)
	f.Fuzz(func(t *testing.T, features, plans, role, permission, feature, plan, askRole, askPermission, fresh string, first, second float64) {
		auth := &Auth{
			TokenType: SessionToken, UserID: "user_1", OrgID: "org_1", OrgRole: role, OrgPermissions: []string{permission},
			FactorVerificationAge: []float64{first, second}, features: features, plans: plans,
		}
		whole := Requirement{Role: askRole, Permission: askPermission, Feature: feature, Plan: plan, Reverification: fresh}
		all, asked := true, false
		for _, part := range []Requirement{{Role: askRole}, {Permission: askPermission}, {Feature: feature}, {Plan: plan}, {Reverification: fresh}} {
			if !part.isEmpty() {
				all, asked = all && auth.Has(part), true
			}
		}
		require.Equal(t, all && asked, auth.Has(whole))
		require.Equal(t, slowClaimLists(features, feature), feature != "" && auth.Has(Requirement{Feature: feature}))
		if fresh != "" && auth.Has(whole) {
			require.True(t, first >= 0 && first <= 1440 || second >= 0 && second <= 1440)
		}
		for _, nobody := range []Auth{
			{TokenType: SessionToken, OrgID: "org_1", OrgRole: role, OrgPermissions: []string{permission}, features: features, plans: plans},
			{TokenType: M2MToken, UserID: "user_1", OrgID: "org_1", OrgRole: role, OrgPermissions: []string{permission}, features: features, plans: plans},
		} {
			nobody.FactorVerificationAge = auth.FactorVerificationAge
			require.False(t, nobody.Has(whole))
		}
		auth.OrgID, auth.FactorVerificationAge = "", nil
		require.False(t, auth.Has(whole) && (askRole != "" || askPermission != "" || fresh != ""), "missing data")
	})
}

// slowClaimLists lists every text that a claim grants.
func slowClaimLists(claim, asked string) bool {
	answers := map[string]bool{}
	for _, part := range strings.Split(claim, ",") {
		scope, id, ok := strings.Cut(strings.TrimSpace(part), ":")
		if !ok {
			return false
		}
		var prefixes []string
		if scope == "o" || scope == "ou" || scope == "uo" {
			prefixes = append(prefixes, "", "o:", "org:", "organization:")
		}
		if scope == "u" || scope == "ou" || scope == "uo" {
			prefixes = append(prefixes, "", "u:", "user:")
		}
		for _, p := range prefixes {
			answers[p+id] = true
		}
	}
	head, rest, scoped := strings.Cut(asked, ":")
	if !scoped {
		return asked != "" && answers[asked]
	}
	if id, _, _ := strings.Cut(rest, ":"); id != "" {
		return answers[head+":"+id]
	}
	return asked != "" && answers[head+":"+head]
}

// FuzzSignInRedirect: whatever the request says, a person is sent to the sign-in
// page's origin, told to come back to this one, and the identity of a development
// browser goes to nobody else.
func FuzzSignInRedirect(f *testing.F) {
	for _, seed := range [][3]string{
		{"example.com", "/a?b=c", "__clerk_db_jwt=dvb_1"}, {"example.com:8080", "//evil.example/x", ""}, {"EXAMPLE.com", `/\evil.example`, ""},
		{"evil.example", "/?redirect_url=https://evil.example", ""}, {"a@b", "/", ""}, {"[::1]:80", "/?__clerk_db_jwt=x%0d%0aX:y", "__clerk_db_jwt=%0d%0a"},
		{"accounts.example.com", "/sign-in?redirect_url=x", "__clerk_db_jwt=1"}, {"", "http://evil.example/", ""},
	} {
		for kind := range byte(4) {
			f.Add(kind, seed[0], seed[1], seed[2])
		}
	}
	key := kit.PublishableKey
	build := func(o Options) *Authenticator {
		a, err := New(o)
		require.NoError(f, err)
		f.Cleanup(a.Close)
		return a
	}
	test := Options{PublishableKey: key("test", "busy-owl-1.clerk.accounts.dev"), SecretKey: "sk_test_x"}
	live := Options{PublishableKey: key("live", "clerk.example.com"), SecretKey: "sk_live_x"}
	own, satellite := test, live
	own.SignInURL = "/sign-in?from=app"
	satellite.IsSatellite, satellite.Domain, satellite.SignInURL = true, "satellite.example", "https://primary.example/sign-in"
	targets := []struct {
		a      *Authenticator
		origin string // "" is the request's own
	}{
		{build(test), "https://busy-owl-1.accounts.dev"}, {build(live), "https://accounts.example.com"}, {build(own), ""}, {build(satellite), "https://primary.example"},
	}
	f.Fuzz(func(t *testing.T, kind byte, host, target, cookie string) {
		uri, err := url.ParseRequestURI(target)
		if err != nil {
			return
		}
		to := targets[int(kind)%len(targets)]
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.URL, r.RequestURI, r.Host = uri, target, host
		r.Header.Set("Cookie", cookie)
		r.Header.Set("X-Forwarded-Host", "evil.example")
		here := to.a.origin.Public(r).Origin()
		location, err := to.a.SignInURL(r, signedOut(SessionToken, ReasonSessionTokenAndUATMissing, "", nil), "")
		if err != nil {
			require.Empty(t, location)
			return
		}
		require.False(t, strings.ContainsAny(location, "\r\n\x00 "), "%q", location)
		wantOrigin := to.origin
		if wantOrigin == "" {
			wantOrigin = here
		}
		require.True(t, strings.HasPrefix(location, wantOrigin+"/sign-in?"), "%q is not at %q", location, wantOrigin)
		// Not url.Parse: browsers take hosts, such as "{", that Go does not.
		u, err := weburl.Parse(location)
		require.NoError(t, err)
		query, err := url.ParseQuery(strings.TrimPrefix(u.Search(), "?"))
		require.NoError(t, err)
		require.Len(t, query["redirect_url"], 1)
		require.True(t, strings.HasPrefix(query.Get("redirect_url"), here+"/"), "%q comes back to %q", location, here)
		if to.origin == "" || to.a.instance.production {
			require.False(t, query.Has(cookieDevBrowser))
		}
	})
}
