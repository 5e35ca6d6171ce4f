package clerktest_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/internal/test/kit"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if err := goleak.Find(); err != nil && code == 0 {
		_, _ = os.Stderr.WriteString(err.Error() + "\n")
		code = 1
	}
	os.Exit(code)
}

// fixture is a server with a client that keeps cookies and follows no redirects.
type fixture struct {
	*clerktest.Server
	t    *testing.T
	http *http.Client
}

func setup(t *testing.T, opts clerktest.Options) *fixture {
	t.Helper()
	if opts.SigningKey == nil {
		opts.SigningKey = kit.RSAKey(t, 0)
	}
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	transport := &http.Transport{}
	f := &fixture{Server: clerktest.NewServer(t, opts), t: t, http: &http.Client{
		Transport: kit.Recording(t, os.Getenv(kit.ExchangesVariable), transport), Jar: jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return f
}

// answer is a response, read to its end.
type answer struct {
	*http.Response
	body []byte
}

func (f *fixture) do(method, path, body string, headers ...string) answer {
	f.t.Helper()
	req, err := http.NewRequestWithContext(f.t.Context(), method, f.URL+path, strings.NewReader(body))
	require.NoError(f.t, err)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := f.http.Do(req)
	require.NoError(f.t, err)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	require.NoError(f.t, err)
	return answer{resp, data}
}

// backend calls the Backend API with the secret key and, when there is a body, as JSON.
func (f *fixture) backend(method, path string, body any, headers ...string) answer {
	f.t.Helper()
	headers = append([]string{"Authorization", "Bearer " + f.SecretKey()}, headers...)
	if body == nil {
		return f.do(method, path, "", headers...)
	}
	data, err := json.Marshal(body)
	require.NoError(f.t, err)
	return f.do(method, path, string(data), append([]string{"Content-Type", "application/json"}, headers...)...)
}

func (f *fixture) form(path string, values url.Values, headers ...string) answer {
	f.t.Helper()
	headers = append([]string{"Content-Type", "application/x-www-form-urlencoded"}, headers...)
	return f.do(http.MethodPost, path, values.Encode(), headers...)
}

// asProxy are the headers of an application that passes /__clerk on.
func (f *fixture) asProxy(app string) []string {
	return []string{"Clerk-Proxy-Url", app + "/__clerk", "Clerk-Secret-Key", f.SecretKey()}
}

// claims verifies a token by the PEM that the server reports.
func (f *fixture) claims(raw string) jwt.MapClaims {
	f.t.Helper()
	key, err := jwt.ParseRSAPublicKeyFromPEM([]byte(f.JWTKey()))
	require.NoError(f.t, err)
	claims := jwt.MapClaims{}
	_, err = jwt.NewParser(jwt.WithoutClaimsValidation(), jwt.WithValidMethods([]string{"RS256"})).
		ParseWithClaims(raw, claims, func(*jwt.Token) (any, error) { return key, nil })
	require.NoError(f.t, err)
	return claims
}

// json is the body as an object.
func (a answer) json(t *testing.T) map[string]any {
	t.Helper()
	var body map[string]any
	require.NoError(t, json.NewDecoder(bytes.NewReader(a.body)).Decode(&body), "%s", a.body)
	return body
}

// code is the first error code, or empty.
func (a answer) code() string {
	var body struct{ Errors []struct{ Code string } }
	if json.Unmarshal(a.body, &body) != nil || len(body.Errors) == 0 {
		return ""
	}
	return body.Errors[0].Code
}

// cookiesIn reads Set-Cookie lines the way a browser does; deletions have a negative MaxAge.
func cookiesIn(t *testing.T, lines []string) map[string]*http.Cookie {
	t.Helper()
	cookies := map[string]*http.Cookie{}
	for _, line := range lines {
		cookie, err := http.ParseSetCookie(line)
		require.NoError(t, err)
		cookies[cookie.Name] = cookie
	}
	return cookies
}

func stringList(list any) []string {
	var out []string
	for _, item := range list.([]any) {
		out = append(out, item.(string))
	}
	return out
}
