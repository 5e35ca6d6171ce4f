package emulator

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi"
	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/internal/test/kit"
)

const sampleSeed = `
app_name: Shop
secret_key: sk_test_of_this_seed
token_lifetime: 90s
rate_limit: clerk
users:
  - email: jane@example.com
    password: correct horse
    first_name: Jane
    public_metadata: {tier: gold}
    organization: {slug: acme, name: Acme, role: "org:admin", permissions: ["org:invoices:view"]}
  - {id: user_2fOmarSampleUser0000000000B, email: omar@example.com, tasks: [setup-mfa]}
jwt_templates:
  - name: db
    lifetime: 5m
    claims: {aud: db, tier: "{{user.public_metadata.tier}}"}
machines:
  - {name: batch, secret_key: ak_batch}
machine_tokens:
  - {kind: api_key, token: ak_of_omar, subject: user_2fOmarSampleUser0000000000B, name: laptop, expires_at: 2999-01-01T00:00:00Z}
`

// running is an emulator that runs until the test ends.
type running struct {
	t           *testing.T
	environment map[string]string
	http        *http.Client
	stop        func() // stops it and waits
}

// start runs an emulator on a free port and reads the environment that it prints.
func start(t *testing.T, opts Options) *running {
	t.Helper()
	opts.Listen = "127.0.0.1:0"
	require.NoError(t, opts.Validate())
	e, err := New(opts, io.Discard)
	require.NoError(t, err)
	printed := make(chan string, 1)
	stdout := kit.WriterFunc(func(p []byte) (int, error) { printed <- string(p); return len(p), nil })
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx, stdout) }()
	transport := &http.Transport{}
	r := &running{t: t, environment: map[string]string{}, http: &http.Client{Transport: transport}}
	r.stop = sync.OnceFunc(func() {
		transport.CloseIdleConnections()
		stop()
		assert.NoError(t, <-ended)
	})
	t.Cleanup(r.stop)
	select {
	case text := <-printed:
		for line := range strings.SplitSeq(text, "\n") {
			if pair, ok := strings.CutPrefix(line, "export "); ok {
				name, value, _ := strings.Cut(pair, "=")
				r.environment[name] = value
			}
		}
	case err := <-ended:
		ended <- err
		require.FailNow(t, "the emulator did not start", "%v", err)
	}
	return r
}

func (e *running) call(method, path, body string, headers ...string) (int, map[string]any) {
	e.t.Helper()
	req, err := http.NewRequestWithContext(e.t.Context(), method, e.environment["CLERK_API_URL"]+path, strings.NewReader(body))
	require.NoError(e.t, err)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
		if headers[i] == "Host" {
			req.Host = headers[i+1]
		}
	}
	resp, err := e.http.Do(req)
	require.NoError(e.t, err)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	require.NoError(e.t, err)
	var answer map[string]any
	_ = json.Unmarshal(data, &answer)
	return resp.StatusCode, answer
}

func (e *running) control(method, path, body string) map[string]any {
	e.t.Helper()
	status, answer := e.call(method, controlPath+path, body)
	require.Equal(e.t, http.StatusOK, status, "%v", answer)
	return answer
}

func (e *running) client() *clerkapi.Client {
	e.t.Helper()
	c, err := clerkapi.New(clerkapi.Options{
		SecretKey: e.environment["CLERK_SECRET_KEY"], BaseURL: e.environment["CLERK_API_URL"], Transport: e.http.Transport,
	})
	require.NoError(e.t, err)
	return c
}

func seedFile(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "seed.yaml")
	require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	return name
}

func TestServesItsSeed(t *testing.T) {
	t.Parallel()
	e := start(t, Options{Seed: seedFile(t, sampleSeed)})
	assert.Equal(t, "sk_test_of_this_seed", e.environment["CLERK_SECRET_KEY"])
	assert.True(t, strings.HasPrefix(e.environment["CLERK_PUBLISHABLE_KEY"], "pk_test_"))
	assert.Equal(t, e.environment["CLERK_API_URL"], e.environment["CLERK_PROXY_URL"])
	assert.Equal(t, e.environment["CLERK_API_URL"]+"/sign-in", e.environment["CLERK_SIGN_IN_URL"])
	api := e.client()

	signedIn := e.control("POST", "/sign-in", `{"email":"Jane@example.com","origin":"http://localhost:3000"}`)
	session, _, err := api.GetSession(t.Context(), signedIn["session_id"].(string))
	require.NoError(t, err)
	assert.Equal(t, "active", session.Status)
	claims := unverifiedClaims(t, signedIn["token"].(string))
	assert.Equal(t, "http://localhost:3000", claims["azp"])
	assert.InDelta(t, 90, claims["exp"].(float64)-claims["iat"].(float64), 0)
	assert.Contains(t, signedIn["cookie"], "__session="+signedIn["token"].(string))

	token, _, err := api.CreateSessionTokenFromTemplate(t.Context(), session.ID, "db", nil)
	require.NoError(t, err)
	assert.Equal(t, "gold", unverifiedClaims(t, token.JWT)["tier"])
	key, _, err := api.VerifyAPIKey(t.Context(), &clerkapi.VerifyAPIKeyParams{Secret: "ak_of_omar"})
	require.NoError(t, err)
	assert.Equal(t, "laptop", key.Name)

	pending := e.control("POST", "/sign-in", `{"email":"omar@example.com"}`)
	assert.Equal(t, "pending", pending["status"])
	finished := e.control("POST", "/finish-tasks", `{"session_id":"`+pending["session_id"].(string)+`"}`)
	assert.Equal(t, "active", finished["status"])
}

func TestControl(t *testing.T) {
	t.Parallel()
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }))
	defer hook.Close()
	e := start(t, Options{
		Production: true, TokenLifetime: 30 * time.Second, Seed: seedFile(t, "webhooks: [{url: '"+hook.URL+"'}]"),
	})
	assert.True(t, strings.HasPrefix(e.environment["CLERK_PUBLISHABLE_KEY"], "pk_live_"))
	assert.Equal(t, e.environment["CLERK_API_URL"], e.environment["CLERK_FAPI_URL"])
	assert.Equal(t, proxyPath, e.environment["CLERK_PROXY_URL"])
	assert.Equal(t, proxyPath+"/sign-in", e.environment["CLERK_SIGN_IN_URL"])
	api := e.client()
	environment := e.control("GET", "/environment", "")
	assert.Equal(t, e.environment["CLERK_SECRET_KEY"], environment["CLERK_SECRET_KEY"])
	pem := environment["CLERK_JWT_KEY"]
	assert.Contains(t, pem, "BEGIN PUBLIC KEY")

	signedIn := e.control("POST", "/sign-in", `{"email":"mei@example.com","origin":"https://app.example.com"}`)
	claims := unverifiedClaims(t, signedIn["token"].(string))
	assert.InDelta(t, 30, claims["exp"].(float64)-claims["iat"].(float64), 0)
	named := `{"session_id":"` + signedIn["session_id"].(string) + `"}`

	now, err := time.Parse(time.RFC3339Nano, e.control("POST", "/advance", `{"by":"24h"}`)["now"].(string))
	require.NoError(t, err)
	assert.WithinDuration(t, time.Now().Add(24*time.Hour), now, time.Minute)

	e.control("POST", "/fault", `{"method":"GET","path":"/v1/sessions/*","status":503,"times":1,"delay":"1ms"}`)
	_, res, err := api.GetSession(t.Context(), signedIn["session_id"].(string))
	require.Error(t, err)
	assert.Equal(t, 503, res.StatusCode)
	e.control("POST", "/fault", `{"code":"internal_clerk_error"}`)
	e.control("DELETE", "/fault", "")
	_, _, err = api.GetSession(t.Context(), signedIn["session_id"].(string))
	require.NoError(t, err)

	e.control("POST", "/outage", `{"kind":"rate-limit","part":"backend","retry_after":"30s","flapping":"10m","lasts":"1h"}`)
	_, res, err = api.GetSession(t.Context(), signedIn["session_id"].(string))
	require.Error(t, err)
	assert.Equal(t, "30", res.Header.Get("Retry-After"))
	e.control("POST", "/advance", `{"by":"10m"}`)
	_, _, err = api.GetSession(t.Context(), signedIn["session_id"].(string))
	require.NoError(t, err)
	e.control("POST", "/outage", `{"kind":"error"}`)
	e.control("DELETE", "/outage", "")
	_, _, err = api.GetSession(t.Context(), signedIn["session_id"].(string))
	require.NoError(t, err)

	assert.Equal(t, "revoked", e.control("POST", "/revoke", named)["status"])
	assert.NotEqual(t, pem, e.control("POST", "/rotate-keys", `{"keep_old":true}`)["CLERK_JWT_KEY"])
	keys, _, err := api.GetJWKS(t.Context())
	require.NoError(t, err)
	assert.Len(t, keys.Keys, 2)
	e.control("POST", "/rotate-keys", "")

	assert.Len(t, e.control("GET", "/calls?method=GET&path=/v1/sessions/*", "")["calls"], 5)
	e.control("DELETE", "/calls", "")
	assert.Empty(t, e.control("GET", "/calls", "")["calls"])
	e.control("POST", "/rate-limit", `{"requests":1}`)
	status := 0
	for range 2 {
		status, _ = e.call("GET", "/v1/users/user_x", "", "Authorization", "Bearer "+e.environment["CLERK_SECRET_KEY"])
	}
	assert.Equal(t, http.StatusTooManyRequests, status)
	e.control("POST", "/delete-user", `{"user_id":"`+signedIn["user_id"].(string)+`"}`)
	var events []string
	for _, d := range e.control("GET", "/deliveries", "")["deliveries"].([]any) {
		events = append(events, d.(map[string]any)["event"].(string))
	}
	assert.Equal(t, []string{"session.created", "session.revoked", "user.deleted"}, events)
}

func TestControlRefuses(t *testing.T) {
	t.Parallel()
	e := start(t, Options{})
	for name, test := range map[string]struct {
		method, path, body string
		headers            []string
		status             int
	}{
		"another name":         {"POST", "/advance", `{"by":"1s"}`, []string{"Host", "attacker.example"}, 403},
		"a web page":           {"POST", "/advance", `{"by":"1s"}`, []string{"Origin", "https://attacker.example"}, 403},
		"a page, no origin":    {"GET", "/environment", ``, []string{"Sec-Fetch-Site", "cross-site"}, 403},
		"unknown user":         {"POST", "/sign-in", `{"email":"nobody@example.com"}`, nil, 400},
		"unknown session":      {"POST", "/revoke", `{"session_id":"sess_x"}`, nil, 400},
		"unknown session's":    {"POST", "/finish-tasks", `{}`, nil, 400},
		"unknown user id":      {"POST", "/delete-user", `{}`, nil, 400},
		"not a duration":       {"POST", "/advance", `{"by":90}`, nil, 400},
		"no duration":          {"POST", "/advance", ``, nil, 400},
		"unknown member":       {"POST", "/rotate-keys", `{"keep":true}`, nil, 400},
		"fault, bad delay":     {"POST", "/fault", `{"delay":"x"}`, nil, 400},
		"fault, bad times":     {"POST", "/fault", `{"times":-1}`, nil, 400},
		"fault, bad status":    {"POST", "/fault", `{"status":99}`, nil, 400},
		"outage, bad kind":     {"POST", "/outage", `{"kind":"gone"}`, nil, 400},
		"outage, no kind":      {"POST", "/outage", ``, nil, 400},
		"outage, bad part":     {"POST", "/outage", `{"kind":"down","part":"x"}`, nil, 400},
		"outage, bad time":     {"POST", "/outage", `{"kind":"down","lasts":"x"}`, nil, 400},
		"calls, bad path":      {"GET", "/calls?path=[", ``, nil, 400},
		"limit of odd type":    {"POST", "/rate-limit", `{"requests":"x"}`, nil, 400},
		"no such thing":        {"POST", "/reboot", `{}`, nil, 404},
		"method":               {"GET", "/advance", ``, nil, 405},
		"not control's at all": {"GET", "x", ``, nil, 404},
	} {
		t.Run(name, func(t *testing.T) {
			status, _ := e.call(test.method, controlPath+test.path, test.body, test.headers...)
			assert.Equal(t, test.status, status)
		})
	}
	far := httptest.NewRequest(http.MethodGet, "http://127.0.0.1"+controlPath+"/environment", nil)
	far.RemoteAddr = "203.0.113.7:1234"
	assert.False(t, fromThisMachine(far))
}

// In a container the programs that steer the emulator are on other machines: a token lets them in, and nobody without.
func TestControlByToken(t *testing.T) {
	const token = "local-control-token"
	e := start(t, Options{ControlToken: token})
	for name, test := range map[string]struct {
		authorization string
		status        int
	}{
		"token":         {"Bearer " + token, 200},
		"none":          {"", 401},
		"another":       {"Bearer local-control-tokem", 401},
		"longer":        {"Bearer " + token + "x", 401},
		"empty":         {"Bearer ", 401},
		"other scheme":  {"Basic " + token, 401},
		"bare":          {token, 401},
		"Clerk's own":   {"Bearer " + e.environment["CLERK_SECRET_KEY"], 401},
		"in the query":  {"", 401},
		"other letters": {"bearer " + token, 200}, // RFC 9110, section 11.1
	} {
		path := controlPath + "/environment"
		if name == "in the query" {
			path += "?token=" + token
		}
		headers := []string{"Host", "clerk:8090"}
		if test.authorization != "" {
			headers = append(headers, "Authorization", test.authorization)
		}
		status, answer := e.call("GET", path, "", headers...)
		assert.Equal(t, test.status, status, name)
		if status == 200 {
			assert.Equal(t, "http://clerk:8090", answer["CLERK_API_URL"], "by the name that the caller knows")
		} else {
			assert.Equal(t, []string{"error"}, slices.Collect(maps.Keys(answer)), name)
		}
	}
	far := httptest.NewRequest(http.MethodGet, "http://clerk:8090"+controlPath+"/calls", nil)
	far.RemoteAddr = "203.0.113.7:1234"
	far.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	newControl(clerktest.New(clerktest.Options{}), "http://127.0.0.1:1", token).ServeHTTP(w, far)
	assert.Equal(t, http.StatusOK, w.Code)
	w = httptest.NewRecorder()
	newControl(clerktest.New(clerktest.Options{}), "http://127.0.0.1:1", "").ServeHTTP(w, far)
	assert.Equal(t, http.StatusForbidden, w.Code, "never by default")

	for _, bad := range []string{"short", "a token with spaces", "line\nend-0123456789", "ünicode-0123456789"} {
		err := Options{Listen: "127.0.0.1:0", ControlToken: bad}.Validate()
		require.ErrorContains(t, err, "--control-token: ")
		assert.NotContains(t, err.Error(), bad)
	}
}

func TestSeedsSeveralOrganizations(t *testing.T) {
	opts, err := parseSeed("seed.yaml", []byte(`
users:
  - email: a@example.com
    organization: {slug: acme, name: Acme, role: org:admin}
    organizations:
      - {slug: other, name: Other, role: org:member}
machine_tokens:
  - {kind: api_key, subject: user_1, name: n, created_by: user_2}
`))
	require.NoError(t, err)
	require.NoError(t, opts.Validate())
	assert.Equal(t, []clerktest.Organization{{Slug: "other", Name: "Other", Role: "org:member"}}, opts.Users[0].Organizations)
	assert.Equal(t, "user_2", opts.MachineTokens[0].CreatedBy)

	_, err = readSeed(seedFile(t, "users: [{email: a@example.com}, {email: A@example.com}]"))
	require.ErrorContains(t, err, "user A@example.com: another user has the same email address")
}

func TestStopsWithRequestsHeld(t *testing.T) {
	t.Parallel()
	e := start(t, Options{})
	e.control("POST", "/fault", `{"hang":true}`)
	held := make(chan error, 1)
	go func() {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, e.environment["CLERK_API_URL"]+"/v1/environment", nil)
		if err == nil {
			var resp *http.Response
			if resp, err = e.http.Do(req); err == nil {
				_ = resp.Body.Close()
			}
		}
		held <- err
	}()
	require.Eventually(t, func() bool { return len(e.control("GET", "/calls", "")["calls"].([]any)) == 1 }, 5*time.Second, 5*time.Millisecond)
	e.stop()
	require.Error(t, <-held)
}

func TestSeedErrorsNameTheLine(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		text string
		want []string
	}{
		"unknown keys":    {"users:\n  - emial: x\n    pasword: y\nfoo: 1\n", []string{`seed.yaml:2: unknown key "emial"`, `seed.yaml:3: unknown key "pasword"`, `seed.yaml:4: unknown key "foo"`}},
		"no unit":         {"token_lifetime: 60\n", []string{"seed.yaml:1: want whole seconds with a unit"}},
		"not a limit":     {"\nrate_limit: some\n", []string{"seed.yaml:2: want a number"}},
		"wrong type":      {"production: maybe\n", []string{"seed.yaml:1: cannot unmarshal"}},
		"not YAML":        {"users: [\n", []string{"seed.yaml:"}},
		"reserved claim":  {"jwt_templates: [{name: a, claims: {sub: x}}]", []string{"seed.yaml: ", `"sub" is reserved`}},
		"bad outage":      {"outage: {kind: gone}", []string{"seed.yaml: ", `outage: kind: found "gone"`}},
		"bad webhook":     {"webhooks: [{url: x}]", []string{"seed.yaml: ", "webhook: URL"}},
		"duplicate entry": {"app_name: a\napp_name: b\n", []string{"seed.yaml:2: "}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readSeed(seedFile(t, test.text))
			require.Error(t, err)
			for _, want := range test.want {
				assert.Contains(t, err.Error(), want)
			}
		})
	}
	empty, err := readSeed(seedFile(t, ""))
	require.NoError(t, err)
	assert.Nil(t, empty.Users, "the sample users")
}

func TestAnnouncesMachinesAndWebhooks(t *testing.T) {
	t.Parallel()
	clerk := clerktest.New(clerktest.Options{
		Machines: []clerktest.Machine{{Name: "batch", SecretKey: "ak_batch"}},
		Webhooks: []clerktest.Webhook{{URL: "http://127.0.0.1:1/hook"}},
	})
	var out bytes.Buffer
	announce(&out, clerk, urlOf("[::]:8090"))
	assert.Contains(t, out.String(), "export CLERK_API_URL=http://127.0.0.1:8090\n")
	assert.Contains(t, out.String(), "secret key ak_batch\n")
	assert.Contains(t, out.String(), "CLERK_WEBHOOK_SIGNING_SECRET=whsec_")
}

// unverifiedClaims reads a token's claims; who signed it is tested elsewhere.
func unverifiedClaims(t *testing.T, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	require.Len(t, parts, 3)
	data, err := base64.RawURLEncoding.DecodeString(parts[1])
	require.NoError(t, err)
	var claims map[string]any
	require.NoError(t, json.Unmarshal(data, &claims))
	return claims
}
