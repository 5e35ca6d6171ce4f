package proxy

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/auditlog"
	"github.com/clerkgate/clerkgate/proxy/routes"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

// events reads an audit log, whose chain must be whole.
func events(t testing.TB, text []byte) (all []auditlog.Event) {
	t.Helper()
	var v auditlog.Verifier
	require.NoError(t, v.Verify("audit.log", bytes.NewReader(text)))
	require.Empty(t, v.Problems)
	for line := range strings.Lines(string(text)) {
		var e auditlog.Event
		require.NoError(t, json.Unmarshal([]byte(line), &e))
		all = append(all, e)
	}
	return all
}

func TestAuditLog(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "audit.log")
	reloads := make(chan os.Signal)
	level := new(slog.LevelVar)
	var cfg settings.Config
	r := runWith(t, &received{}, RunOptions{Reload: reloads, Level: level, Load: func() (settings.Config, []settings.Warning, error) {
		return cfg, nil, nil
	}}, func(c *settings.Config) {
		c.AuditLog = file
		var err error
		c.Routes, err = routes.Parse("test", []byte("routes:\n  - { match: \"/admin/*\", name: admins, require: { role: \"org:owner\" } }\n  - { match: \"/*\" }\n"))
		require.NoError(t, err)
		c.Policy, c.PublicPaths = "", nil
		cfg = *c
	})
	token := "Bearer " + sessionToken(t, nil)
	ask := func(method, path string, status int, headers ...string) {
		t.Helper()
		q, err := http.NewRequestWithContext(t.Context(), method, "http://"+r.Public.String()+path, nil)
		require.NoError(t, err)
		for i := 0; i < len(headers); i += 2 {
			q.Header.Set(headers[i], headers[i+1])
		}
		res, _ := send(t, q)
		assert.Equal(t, status, res.StatusCode, path)
	}
	ask("GET", "/admin/x?planted", 403, "Authorization", token)
	ask("GET", "/x", 200, "Authorization", token) // of no account
	ask("GET", "/x", 401)                         // nor is this
	ask("POST", "/.clerkgate/sign-out", 303)
	reloads <- syscall.SIGHUP
	reloads <- syscall.SIGHUP // is taken when the first is done
	r.stop()
	require.NoError(t, <-r.done)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.NotContains(t, string(text), "planted")
	got := events(t, text)
	var kinds []auditlog.Kind
	for _, e := range got {
		kinds = append(kinds, e.Kind)
	}
	require.Equal(t, []auditlog.Kind{auditlog.Started, auditlog.Refused, auditlog.SignedOut, auditlog.Reloaded}, kinds[:4])
	assert.Equal(t, auditlog.Stopped, kinds[len(kinds)-1])
	refused := got[1]
	assert.Equal(t, "admins", refused.Route)
	assert.Equal(t, "user_jane", refused.UserID)
	assert.Equal(t, "sess_jane", refused.SessionID)
	assert.Equal(t, "/admin/x", refused.Path)
	assert.Equal(t, "127.0.0.1", refused.Client)
	assert.Equal(t, 403, refused.Status)
	assert.NotEmpty(t, refused.RequestID)
}

func TestAuditLogThatCannotBeOpened(t *testing.T) {
	t.Parallel()
	cfg, _, err := load(environment(map[string]string{"CLERK_JWT_KEY": testPEM(t), "CLERKGATE_LISTEN": "127.0.0.1:0", "CLERKGATE_ADMIN_LISTEN": "127.0.0.1:0"}))
	require.NoError(t, err)
	cfg.AuditLog = filepath.Join(t.TempDir(), "missing", "audit.log")
	var invalid *settings.Error
	require.ErrorAs(t, Run(t.Context(), cfg, RunOptions{}), &invalid)
	assert.Equal(t, settings.EnvAuditLog, invalid.Problems[0].Where)
	assert.Contains(t, invalid.Problems[0].Found, "no such file")
}

func TestLogLevelByAPage(t *testing.T) {
	t.Parallel()
	level := new(slog.LevelVar)
	a := &application{level: level}
	pages := a.levelPages()
	require.Len(t, pages, 2)
	post := func(body string) (int, string) {
		w := httptest.NewRecorder()
		pages[1].Handler.ServeHTTP(w, httptest.NewRequest(http.MethodPost, levelPath, strings.NewReader(body)))
		return w.Code, w.Body.String()
	}
	for body, want := range map[string]slog.Level{"debug": slog.LevelDebug, " WARN\n": slog.LevelWarn, "error": slog.LevelError, "info": slog.LevelInfo} {
		status, text := post(body)
		assert.Equal(t, http.StatusOK, status, body)
		assert.Equal(t, want, level.Level(), body)
		assert.JSONEq(t, `{"level":"`+strings.ToLower(want.String())+`"}`, text)
	}
	before := level.Level()
	for _, body := range []string{"", "loud", "info+4", "debug,info"} {
		status, _ := post(body)
		assert.Equal(t, http.StatusBadRequest, status, body)
		assert.Equal(t, before, level.Level())
	}
	assert.Empty(t, (&application{}).levelPages())
}

func TestProfilesAreOffUnlessAskedFor(t *testing.T) {
	t.Parallel()
	assert.Empty(t, profilePages(settings.Config{}))
	for _, p := range profilePages(settings.Config{Profiles: true}) {
		assert.Equal(t, http.MethodGet, p.Method)
		if p.Path == "/debug/pprof/cmdline" {
			w := httptest.NewRecorder()
			p.Handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, p.Path, nil))
			assert.Equal(t, http.StatusNotFound, w.Code)
		}
	}
}
