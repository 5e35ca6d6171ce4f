package differential_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // defines the cookie suffix
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/middleware"
)

// keyring holds the keys of all instances: main and second are published, other is not.
// Their bytes influence no decision, so they need not be reproducible.
type keyring struct {
	main, second, other *rsa.PrivateKey
	pem                 string // of main
}

func newKeyring(t testing.TB) *keyring {
	t.Helper()
	k := &keyring{}
	for _, key := range []**rsa.PrivateKey{&k.main, &k.second, &k.other} {
		var err error
		*key, err = rsa.GenerateKey(rand.Reader, 2048)
		require.NoError(t, err)
	}
	der, err := x509.MarshalPKIXPublicKey(&k.main.PublicKey)
	require.NoError(t, err)
	k.pem = string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	return k
}

// sdkOptions are the options of one instance in the SDK's spelling.
type sdkOptions struct {
	PublishableKey          string       `json:"publishableKey"`
	SecretKey               string       `json:"secretKey,omitempty"`
	MachineSecretKey        string       `json:"machineSecretKey,omitempty"`
	JWTKey                  string       `json:"jwtKey,omitempty"`
	ProxyURL                string       `json:"proxyUrl,omitempty"`
	Domain                  string       `json:"domain,omitempty"`
	IsSatellite             bool         `json:"isSatellite,omitempty"`
	SatelliteAutoSync       bool         `json:"satelliteAutoSync,omitempty"`
	SignInURL               string       `json:"signInUrl,omitempty"`
	AuthorizedParties       []string     `json:"authorizedParties,omitempty"`
	Audience                any          `json:"audience,omitempty"`     // a text or a list
	AcceptsToken            any          `json:"acceptsToken,omitempty"` // a text or a list
	ClockSkewInMs           *int64       `json:"clockSkewInMs,omitempty"`
	OrganizationSyncOptions *orgPatterns `json:"organizationSyncOptions,omitempty"`
}

type orgPatterns struct {
	OrganizationPatterns    []string `json:"organizationPatterns,omitempty"`
	PersonalAccountPatterns []string `json:"personalAccountPatterns,omitempty"`
}

// instance is a Clerk application with a configuration.
type instance struct {
	Options sdkOptions `json:"options"`
	JWKS    answer     `json:"jwks"`

	id, frontendAPI, suffix, kid string
	production, trusted          bool
	host, origin                 string // where the application is
	skew                         int64  // seconds
	audience, accepts            []string
}

// answer is one answer of the Backend API.
type answer struct {
	Status      int    `json:"status,omitempty"`
	ContentType string `json:"contentType,omitempty"`
	Body        string `json:"body"`
	Hangup      bool   `json:"hangup,omitempty"`
}

const jsonType = "application/json"

func apiError(status int, code string) answer {
	return answer{Status: status, ContentType: jsonType, Body: fmt.Sprintf(`{"errors":[{"code":%q,"message":"it says %s","long_message":"long"}],"clerk_trace_id":"trace_1"}`, code, code)}
}

func newInstance(d dice, k *keyring, i int) *instance {
	in := &instance{id: fmt.Sprintf("instance-%d", i), kid: d.id("ins"), production: d.percent(50), trusted: d.percent(85), skew: 5}
	name := fmt.Sprintf("%s%d", pick(d, "calm", "grand", "Fuzzy", "icy"), d.IntN(90)+10)
	o := &in.Options
	kind, scheme := "test", "http://"
	if in.production {
		kind, scheme = "live", "https://"
		in.frontendAPI, in.host = "clerk."+name+".example", "app."+strings.ToLower(name)+".example"
	} else {
		in.frontendAPI = pick(d, name+".clerk.accounts.dev", name+".clerk.accounts.dev", "clerk."+name+".lcl.dev", name+".clerk.accountsstage.dev", "clerk."+name+".dev.example")
		in.host = pick(d, "localhost:3000", "localhost:5173", "127.0.0.1:8080", "dev.app.example")
	}
	in.origin = scheme + in.host
	o.PublishableKey = "pk_" + kind + "_" + pick(d, base64.StdEncoding, base64.RawStdEncoding).EncodeToString([]byte(in.frontendAPI+"$"))
	o.SecretKey = "sk_" + kind + "_" + d.id("s")
	sum := sha1.Sum([]byte(o.PublishableKey)) //nolint:gosec // see the import
	in.suffix = base64.URLEncoding.EncodeToString(sum[:])[:8]
	in.configure(d, k, name)
	in.JWKS = in.keySet(d, k)
	return in
}

func (in *instance) configure(d dice, k *keyring, name string) {
	o := &in.Options
	if d.percent(30) {
		o.ProxyURL = pick(d, "/__clerk", "/api/__clerk/", in.origin+"/__clerk", "https://auth."+name+".example/__clerk//", "https://AUTH."+name+".example:443/p?x=1", "/__clerk?a=b")
	}
	if d.percent(28) {
		in.satellite(d, name)
	}
	if d.percent(40) {
		o.JWTKey = k.pem
	}
	if d.percent(30) {
		o.AuthorizedParties = pick(d, []string{in.origin}, []string{"https://www.example", in.origin}, []string{in.origin, in.origin + "/"})
	}
	if d.percent(30) {
		in.audience = pick(d, []string{"https://api.one.example"}, []string{"https://api.one.example", "https://api.two.example"})
		o.Audience = in.audience
		if len(in.audience) == 1 && d.percent(60) {
			o.Audience = in.audience[0]
		}
	}
	in.accepted(d)
	if d.percent(30) {
		o.MachineSecretKey = "ak_" + d.id("machine")
		if o.AcceptsToken == "m2m_token" && d.percent(50) {
			o.SecretKey = ""
		}
	}
	if d.percent(15) {
		millis := pick[int64](d, 0, 0, 1000, 10_000, 3_600_000)
		o.ClockSkewInMs, in.skew = &millis, millis/1000
	}
	if d.percent(30) {
		o.OrganizationSyncOptions = pick(d,
			&orgPatterns{[]string{"/orgs/:slug", "/orgs/:slug/(.*)", "/org-id/:id", "/org-id/:id/(.*)"}, []string{"/me", "/me/(.*)"}},
			&orgPatterns{[]string{"/o/:id", "/o/:id/(.*)", "/t/:other", "/t/:other/:slug"}, []string{"/", "/personal(.*)"}},
			&orgPatterns{[]string{"/orgs/:slug+", "/:id(org_\\w+){/x}?"}, nil},
			&orgPatterns{nil, []string{"/(me|personal)/:rest*", "/dashboard"}},
			&orgPatterns{[]string{"/orgs{/:slug}?/:page?", "/org-id/:id([^/]+?)"}, []string{"/dash(.*)"}},
		)
	}
}

func (in *instance) satellite(d dice, name string) {
	o := &in.Options
	o.IsSatellite, o.SatelliteAutoSync = true, d.percent(50)
	if o.ProxyURL == "" || d.percent(30) {
		o.Domain = "sat." + strings.ToLower(name) + ".example"
	}
	if !in.production || d.percent(60) {
		o.SignInURL = pick(d, "https://primary.example/sign-in", "http://localhost:3999/sign-in?from=sat#h", "https://primary.example/a b?x=%20&y", "HTTPS://Primary.Example")
	}
}

func (in *instance) accepted(d dice) {
	o := &in.Options
	switch n := d.IntN(100); {
	case n < 45:
		in.accepts = []string{"session_token"}
		if d.percent(50) {
			o.AcceptsToken = "session_token"
		}
	case n < 60:
		in.accepts, o.AcceptsToken = []string{"any"}, "any"
	case n < 80:
		in.accepts = pick(d, []string{"session_token", "api_key"}, []string{"m2m_token", "oauth_token"}, []string{"session_token", "oauth_token", "m2m_token"}, []string{"api_key", "m2m_token", "oauth_token"})
		o.AcceptsToken = in.accepts
	default:
		one := pick(d, "api_key", "m2m_token", "oauth_token")
		in.accepts, o.AcceptsToken = []string{one}, one
	}
}

func (in *instance) keySet(d dice, k *keyring) answer {
	jwk := func(key *rsa.PrivateKey, kid string) map[string]any {
		return map[string]any{
			"use": "sig", "kty": "RSA", "alg": "RS256", "kid": kid,
			"n": base64.RawURLEncoding.EncodeToString(key.N.Bytes()),
			"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes()),
		}
	}
	body, _ := json.Marshal(map[string]any{"keys": []any{jwk(k.main, in.kid), jwk(k.second, in.kid+"_2")}})
	good := answer{Status: 200, ContentType: pick(d, jsonType, jsonType, "application/json; charset=utf-8"), Body: string(body)}
	if d.percent(85) {
		return good
	}
	return pick(d,
		apiError(401, "clerk_key_invalid"), apiError(500, "internal_clerk_error"), answer{Hangup: true},
		answer{Status: 200, ContentType: jsonType, Body: `{"keys":[]}`}, answer{Status: 200, ContentType: jsonType, Body: `{}`},
		answer{Status: 502, ContentType: "text/html", Body: "<html>"}, answer{Status: 401, ContentType: jsonType, Body: `{}`},
		answer{Status: 200, ContentType: jsonType, Body: `{"keys":`}, answer{Status: 200, ContentType: jsonType, Body: "null"}, answer{Status: 204}, answer{Status: 403, ContentType: jsonType, Body: `{"errors":[{"code":"other"},{"code":"clerk_key_invalid","message":"m"}]}`})
}

func (in *instance) acceptsOnlyMachines() bool {
	return len(in.accepts) == 1 && in.accepts[0] != "any" && in.accepts[0] != "session_token"
}

// goOptions returns the same configuration for this module.
func (in *instance) goOptions(backend *backend, now func() time.Time) middleware.Options {
	o := in.Options
	out := middleware.Options{
		PublishableKey: o.PublishableKey, SecretKey: o.SecretKey, MachineSecretKey: o.MachineSecretKey, JWTKey: o.JWTKey,
		ProxyURL: o.ProxyURL, Domain: o.Domain, SignInURL: o.SignInURL, IsSatellite: o.IsSatellite, SatelliteAutoSync: o.SatelliteAutoSync,
		AuthorizedParties: o.AuthorizedParties, Audience: in.audience, Transport: backend, Now: now,
		BackendRateLimit: 1 << 30, // all requests of a run come at one time by this clock
		Outage:           middleware.OutageHandshake,
	}
	if o.ClockSkewInMs != nil {
		out.ClockSkew = max(time.Duration(*o.ClockSkewInMs)*time.Millisecond, middleware.NoClockSkew)
	}
	for _, kind := range in.accepts {
		out.AcceptsToken = append(out.AcceptsToken, middleware.TokenType(kind))
	}
	if o.OrganizationSyncOptions != nil {
		out.OrganizationPatterns = o.OrganizationSyncOptions.OrganizationPatterns
		out.PersonalAccountPatterns = o.OrganizationSyncOptions.PersonalAccountPatterns
	}
	if in.trusted {
		out.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	}
	return out
}
