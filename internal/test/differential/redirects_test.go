package differential_test

import (
	"encoding/base64"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/middleware"
)

// redirect is one use of createRedirect.
type redirect struct {
	Params struct {
		PublishableKey  string `json:"publishableKey"`
		DevBrowserToken string `json:"devBrowserToken,omitempty"`
		BaseURL         string `json:"baseUrl"`
		SignInURL       string `json:"signInUrl,omitempty"`
		SignUpURL       string `json:"signUpUrl,omitempty"`
		SessionStatus   string `json:"sessionStatus,omitempty"`
		IsSatellite     bool   `json:"isSatellite,omitempty"`
	} `json:"params"`
	ReturnBackURL string `json:"returnBackUrl"`

	host, target, returnTo string
}

func newRedirect(d dice) *redirect {
	q := &redirect{
		host: pick(d, "app.example", "localhost:3000", "APP.example:80", "[::1]:8080", "clerk.example.com", "xn--bcher-kva.example"),
		target: pick(d, "/", "/", "/dashboard?tab=1&flag", "/a/../b", "//evil.example/x", `/\evil.example`, "/%zz?p=%zz", "/a%20b/c?a=b%20c+d", "/?redirect_url=https://evil.example",
			"/?__clerk_synced=true&x=~*!()", "/sign-in", "/{b}?u=%E2%9C%93&lt=<b>", "/%2e%2e/x?a=1;2", "/?x=%FF"),
		returnTo: pick(d, "", "", "", "/welcome?a=b%20c#top", "welcome", "../up?x", "?tab=2", "#top", "https://docs.example/a b?q='x'", "//other.example/x", `\\other.example`,
			"HTTPS://Docs.Example:443/./x", "http://[", "mailto:jane@example.com", "https://docs.example/?__clerk_synced=true&__clerk_synced=x"),
	}
	p := &q.Params
	frontendAPI := pick(d, "calm-owl-13.clerk.accounts.dev", "clerk.example.com", "clerk.calm.lcl.dev", "calm.clerk.accountsstage.dev", "clerk.accountsstage.dev", "example.com", "clerk.clerk.example.com", "my-clerk.example.com")
	p.PublishableKey = "pk_" + pick(d, "test", "live") + "_" + base64.StdEncoding.EncodeToString([]byte(frontendAPI+"$"))
	pages := func(name string) string {
		return pick(d, "", "", "/"+name, "/"+name+"/", "/"+name+"?from=app&x=%20#/step", "/", "/%2e%2e/"+name, "/a b/"+name+"?redirect_url=x&redirect_url=y", "https://primary.example/"+name, "HTTPS://Primary.Example",
			"https://primary.example:8443/"+name+"?q=~", "http://localhost:3000/"+name, "http://app.example/"+name+"/%20{}")
	}
	p.BaseURL, p.SignInURL, p.SignUpURL = "http://"+q.host+q.target, pages("sign-in"), pages("sign-up")
	p.SessionStatus = pick(d, "", "", "active", "pending")
	if d.percent(40) {
		p.DevBrowserToken = pick(d, "dvb_1", "a&b", "x+y~")
	}
	if p.IsSatellite = d.percent(25); p.IsSatellite {
		p.SignInURL = pick(d, "https://primary.example/sign-in", "https://primary.example/sign-in?x=1", "http://localhost:3000/sign-in")
	}
	if q.ReturnBackURL = q.returnTo; q.returnTo == "" {
		q.ReturnBackURL = p.BaseURL
	}
	return q
}

// ours returns the same URLs of this module; an error where createRedirect would throw.
func (q *redirect) ours(t testing.TB) (signIn, signUp string, err error) {
	p := &q.Params
	o := middleware.Options{PublishableKey: p.PublishableKey, SecretKey: "sk_" + p.PublishableKey[len("pk_"):len("pk_test_")] + "x", SignInURL: p.SignInURL, SignUpURL: p.SignUpURL, IsSatellite: p.IsSatellite}
	if p.IsSatellite {
		o.Domain = "satellite.example"
	}
	a, err := middleware.New(o)
	require.NoError(t, err)
	defer a.Close()
	asked := &request{}
	asked.Request.Method, asked.Request.Target = http.MethodGet, q.target
	asked.Request.Headers = [][2]string{{"Host", q.host}}
	if p.DevBrowserToken != "" {
		asked.Request.Headers = append(asked.Request.Headers, [2]string{"Cookie", "__clerk_db_jwt=" + p.DevBrowserToken})
	}
	r := asked.httpRequest()
	s := &middleware.State{Status: middleware.SignedOut, Auth: &middleware.Auth{SessionStatus: p.SessionStatus}}
	if signIn, err = a.SignInURL(r, s, q.returnTo); err == nil {
		signUp, err = a.SignUpURL(r, s, q.returnTo)
	}
	return signIn, signUp, err
}

func TestDifferentialRedirects(t *testing.T) {
	t.Parallel()
	skipWithout(t)
	const cases = 2000
	reference, d := startNode(t, "redirects.mjs"), newDice(1)
	thrown := 0
	for range cases {
		q := newRedirect(d)
		if p := &q.Params; p.SessionStatus == "pending" && (p.SignInURL == "/" || p.SignUpURL == "/") {
			continue // the SDK leads to a host that is called tasks
		}
		var want struct{ SignIn, SignUp, Throws string }
		require.NoError(t, reference.exchange(q, &want))
		signIn, signUp, err := q.ours(t)
		if want.Throws != "" {
			thrown++
			assert.Error(t, err, "%+v", q)
			continue
		}
		ok := assert.NoError(t, err, "%+v", q) && assert.Equal(t, want.SignIn, signIn, "%+v", q)
		if ok = ok && assert.Equal(t, want.SignUp, signUp, "%+v", q); !ok {
			return
		}
	}
	t.Logf("%d redirects, of which %d throw", cases, thrown)
	assert.Less(t, thrown, cases/2)
}
