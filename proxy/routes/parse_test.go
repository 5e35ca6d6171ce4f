package routes_test

import (
	"errors"
	"flag"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/middleware"
	"github.com/clerkgate/clerkgate/proxy/routes"
)

var update = flag.Bool("update", false, "write the golden files of testdata/broken")

// examples are the files of a directory below testdata, by name.
func examples(t testing.TB, dir string) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", dir, "*.yaml"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	all := make(map[string][]byte)
	for _, f := range files {
		data, err := os.ReadFile(f)
		require.NoError(t, err)
		all[strings.TrimSuffix(filepath.Base(f), ".yaml")] = data
	}
	return all
}

// TestBrokenFiles holds what a person is told of each broken file: every problem
// with its line and a remedy.
func TestBrokenFiles(t *testing.T) {
	t.Parallel()
	files := examples(t, "broken")
	require.GreaterOrEqual(t, len(files), 20)
	for name, data := range files {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, err := routes.Parse(name+".yaml", data)
			require.Error(t, err)
			assert.Nil(t, cfg)
			var invalid *routes.Error
			require.True(t, errors.As(err, &invalid))
			for _, p := range invalid.Problems {
				assert.Positive(t, p.Line)
				assert.Positive(t, p.Column)
				assert.NotEmpty(t, p.Found)
				assert.NotEmpty(t, p.Want+p.Remedy)
			}
			assert.NotContains(t, err.Error(), "planted0secret")

			golden := filepath.Join("testdata", "broken", name+".txt")
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(err.Error()+"\n"), 0o600))
			}
			want, readErr := os.ReadFile(golden)
			require.NoError(t, readErr, "run the test with -update")
			assert.Equal(t, string(want), err.Error()+"\n")
		})
	}
}

func TestValidFiles(t *testing.T) {
	t.Parallel()
	for name, data := range examples(t, "valid") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, err := routes.Parse(name+".yaml", data)
			require.NoError(t, err)
			_, err = routes.NewTable(cfg.Routes)
			require.NoError(t, err)
		})
	}
}

func TestParseReadsEveryKey(t *testing.T) {
	t.Parallel()
	cfg, err := routes.Parse("/etc/clerkgate/routes.yaml", examples(t, "valid")["everything"])
	require.NoError(t, err)
	assert.Equal(t, map[string]routes.Upstream{
		"app":   {URL: "http://127.0.0.1:3000"},
		"admin": {URL: "unix:/run/admin.sock", Protocol: routes.ProtocolH2C},
		"secure": {
			URL: "https://10.0.0.7:8443", Protocol: routes.ProtocolHTTP2,
			CAFile: "/etc/clerkgate/ca.pem", CertificateFile: "/etc/clerkgate/client.pem", KeyFile: "/etc/clerkgate/keys/client.key",
			ServerName: "app.internal", Host: "orders.internal", ConnectTimeout: 3 * time.Second, BodyIdleTimeout: 10 * time.Minute, IdleTimeout: 30 * time.Second, MaxConnectionAge: time.Hour, ResponseTimeout: 90 * time.Second,
		},
	}, cfg.Upstreams)
	assert.Equal(t, &routes.Assertion{
		KeyFiles: []string{"/etc/clerkgate/current.pem", "/etc/clerkgate/previous.pem"},
		Issuer:   "https://app.example.com", Lifetime: time.Minute,
	}, cfg.Assertion)
	require.Len(t, cfg.Routes, 9)
	assert.Equal(t, middleware.Requirement{Scopes: []string{"mcp:read", "profile"}}, cfg.Routes[8].Require)
	assert.Equal(t, routes.Route{Name: "health", Match: "/health", Auth: routes.AuthNone, Upstream: "app", Line: 22}, cfg.Routes[0])
	assert.Equal(t, routes.Route{
		Name: "orders", Match: "/orders/*", Hosts: []string{"api.example.com", "*.eu.example.com", "[::1]", "10.0.0.1"},
		Methods: []string{"GET", "HEAD", "POST"}, Auth: routes.AuthRequired, Accepts: []middleware.TokenType{middleware.AnyToken},
		Require:  middleware.Requirement{Role: "org:admin", Permission: "org:orders:read", Feature: "orders", Plan: "org:gold", Reverification: "strict_mfa", Unauthenticated: middleware.Unauthenticated401},
		Upstream: "secure", StripPrefix: "/orders", AmbiguousPaths: true,
		CORS: &routes.CORS{
			Origins: []string{"https://shop.example.com", "http://localhost:5173"}, Methods: []string{"GET", "POST"},
			Headers: []string{"Content-Type", "X-Request-Id"}, Expose: []string{"Etag"}, Credentials: true, MaxAge: 10 * time.Minute,
		},
		CSRF: routes.CSRF{TrustedOrigins: []string{"https://shop.example.com"}}, Refresh: routes.RefreshAll, AcceptPending: true, Revocation: routes.RevocationStrict,
		KeepHeaders: []string{"X-HTTP-Method-Override", "SCRIPT_NAME"}, RequestHeaders: map[string]string{"X-Environment": "production", "X-Api-Version": "2"},
		Identity: []string{"user_id", "org_id"}, Authorization: routes.AuthorizationTemplate, TokenTemplate: "orders-service",
		Audience: "https://orders.internal", Line: 26,
	}, cfg.Routes[1])
	assert.Equal(t, routes.Route{
		Match: "/embed/*", Auth: routes.AuthPublic, Upstream: "app", CORS: &routes.CORS{Origins: []string{"*"}, Headers: []string{"*"}},
		CSRF: routes.CSRF{Off: true}, Identity: []string{}, Authorization: routes.AuthorizationRemove, Line: 54,
	}, cfg.Routes[2])
	assert.Equal(t, routes.Route{
		Match: "/app/*", Require: middleware.Requirement{Unauthenticated: middleware.UnauthenticatedRedirect}, Refresh: routes.RefreshDocuments, Authorization: routes.AuthorizationSession,
		Audience: "billing", Upstream: "admin", Line: 61,
	}, cfg.Routes[3])
	assert.Equal(t, routes.Route{Match: "/hidden/caf%C3%A9", Require: middleware.Requirement{Unauthenticated: middleware.Unauthenticated404}, Upstream: "app", Line: 69}, cfg.Routes[4])
	assert.Equal(t, middleware.Requirement{Unauthenticated: middleware.UnauthenticatedSignUp}, cfg.Routes[6].Require)
	assert.Equal(t, middleware.Requirement{Role: "org:staff", UnauthenticatedURL: "/welcome?from=staff", ForbiddenURL: "https://help.example.com/access#ask"}, cfg.Routes[7].Require)
	assert.Equal(t, routes.StreamsFree, cfg.Routes[7].Streams)
}

func TestParseBounds(t *testing.T) {
	t.Parallel()
	deep := "routes: " + strings.Repeat("[", 40) + strings.Repeat("]", 40)
	for name, c := range map[string]struct {
		data string
		want string
	}{
		"size":        {"routes: [{ match: / }] #" + strings.Repeat("x", 1<<20), "f:1:1: found a larger file; expected 1048576 bytes at most"},
		"depth":       {deep, "f:1:25: found more than 16 levels; expected 5 at most, as a routes file has"},
		"very deep":   {"routes: " + strings.Repeat("[", 20000), "exceeded max depth"},
		"UTF-16":      {"\xff\xfer\x00", "f:1:1: found a byte that is not UTF-8. Save the file as UTF-8."},
		"NUL":         {"routes:\n  - match: \"/\x00\"", "f:2:14: found a byte that is not UTF-8. Save the file as UTF-8."},
		"comment":     {"# nothing\n", "f:1:1: found an empty file; expected routes: and below it a list"},
		"null":        {"---\n", "f:1:1: found an empty file; expected routes: and below it a list"},
		"scalar":      {"routes", `f:1:1: found "routes"; expected key: value pairs`},
		"tag":         {"routes: [{ match: !!str / }]", `f:1:19: routes`},
		"binary":      {"routes: [{ match: !!binary Lw== }]", "tags are not supported"},
		"billion":     {"a: &a [x, x]\nb: &b [*a, *a]\nroutes: [*b]\n", "anchors are not supported"},
		"items":       {"routes: [{ match: /, hosts: [" + strings.Repeat("a.example,", 300) + "] }]", "a list of 300; expected 200 at most"},
		"routes":      {"routes:\n" + strings.Repeat("- { match: / }\n", 1001), "f:2:1: routes: found 1001 routes; expected 1000 at most"},
		"long text":   {"routes: [{ match: /" + strings.Repeat("a", 3000) + " }]", "a text of 3001 bytes; expected 2048 at most"},
		"long quoted": {"routes: [{ match: /" + strings.Repeat("ä*", 500) + " }]", `ä…", which has a *`},
		"control":     {`routes: [{ match: "/a\nb" }]`, "a text with a line end or another control character"},
		"many":        {"routes:\n" + strings.Repeat("- { match: a }\n", 900), "found more problems. Fix those above first."},
		"no routes":   {"upstreams: {}", "f:1:1: found no routes; expected routes: and below it a list; what no route matches gets 404"},
		"key":         {"? [a]\n: b\n", "a key that is not a word"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, err := routes.Parse("f", []byte(c.data))
			require.Error(t, err)
			assert.Nil(t, cfg)
			if name == "tag" {
				assert.Contains(t, err.Error(), `found the tag "!!str". Take it out: tags are not supported.`)
				return
			}
			assert.Contains(t, err.Error(), c.want)
			assert.Less(t, len(err.Error()), 64<<10)
		})
	}
}

// FuzzParse holds that a file is read or refused by line, and that a table can be
// made of what is read.
func FuzzParse(f *testing.F) {
	for _, dir := range []string{"valid", "broken"} {
		for _, data := range examples(f, dir) {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		cfg, err := routes.Parse("f", data)
		if err != nil {
			var invalid *routes.Error
			require.True(t, errors.As(err, &invalid))
			require.Nil(t, cfg)
			require.NotEmpty(t, invalid.Problems)
			lines := 1 + strings.Count(strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u2028", "\n", "\u2029", "\n", "\u0085", "\n").Replace(string(data)), "\n")
			for _, p := range invalid.Problems {
				require.Positive(t, p.Line)
				require.LessOrEqual(t, p.Line, lines, p)
				require.Positive(t, p.Column)
				require.NotEmpty(t, p.Want+p.Remedy)
				require.NotContains(t, p.String(), "\n")
			}
			return
		}
		require.NotEmpty(t, cfg.Routes)
		table, err := routes.NewTable(cfg.Routes)
		require.NoError(t, err)
		for _, r := range cfg.Routes {
			require.Positive(t, r.Line)
			require.NotEmpty(t, r.Asks())
			if r.Upstream != "" {
				require.Contains(t, cfg.Upstreams, r.Upstream)
			}
		}
		_, err = table.Match("GET", "app.example.com", &url.URL{Path: "/"})
		require.True(t, err == nil || errors.Is(err, routes.ErrNoRoute))
	})
}

func TestReadFile(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "clerkgate.yaml")
	_, err := routes.ReadFile(name)
	require.ErrorIs(t, err, fs.ErrNotExist)
	var invalid *routes.Error
	require.NotErrorAs(t, err, &invalid)

	require.NoError(t, os.WriteFile(name, []byte("routes: [{ match: / }]"), 0o600))
	cfg, err := routes.ReadFile(name)
	require.NoError(t, err)
	assert.Len(t, cfg.Routes, 1)

	require.NoError(t, os.WriteFile(name, make([]byte, 2<<20), 0o600))
	_, err = routes.ReadFile(name)
	require.ErrorAs(t, err, &invalid)
	assert.Contains(t, err.Error(), "found a larger file")
}
