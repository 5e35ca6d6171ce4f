package gateways

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/test/kit"
)

func TestNginx(t *testing.T) {
	program := required(t, "nginx")
	run := func(t *testing.T, s *stack) { runNginx(t, s, program, "") }
	t.Run("answers", func(t *testing.T) {
		s := newStack(t, map[string]string{"CLERKGATE_PUBLIC_PATHS": "/public"})
		run(t, s)
		for path, status := range map[string]int{"/x": http.StatusUnauthorized, "//public": http.StatusBadRequest} {
			call := kit.NewBrowser(t).Fetch(http.MethodGet, s.origin+path, "")
			assert.Equal(t, status, call.StatusCode)
			assert.Equal(t, "application/json", call.Header.Get("Content-Type"))
			assert.True(t, json.Valid([]byte(call.Text)), call.Text)
		}
		page := kit.NewBrowser(t).Open(s.origin + "//public")
		assert.Equal(t, http.StatusBadRequest, page.StatusCode)
		assert.Contains(t, page.Text, "<html>")
		// A form of somebody who is signed out: the recipe's page401.
		form := kit.NewBrowser(t).Stay().Submit(s.origin+"/form", url.Values{"note": {"written at length"}})
		assert.Equal(t, http.StatusUnauthorized, form.StatusCode)
		assert.Contains(t, form.Header.Get("Content-Type"), "text/html")
		assert.Contains(t, form.Text, "<h1>401 Authorization Required</h1>", "nginx's own page")
		assert.Equal(t, []string{"no-store"}, form.Header["Cache-Control"])
		assert.Equal(t, "signed-out", form.Header.Get("X-Clerk-Auth-Status"))
		assert.Empty(t, form.Header.Get("Location"), "a form is never redirected")
		assert.Empty(t, s.app.count(), "and the application did not hear of it")
		call := kit.NewBrowser(t).Fetch(http.MethodGet, s.origin+"/x", "")
		assert.Equal(t, "signed-out", call.Header.Get("X-Clerk-Auth-Status"))
		assert.Equal(t, "dev-browser-missing", call.Header.Get("X-Clerk-Auth-Reason"))
	})
	t.Run("trailer", func(t *testing.T) { testSpoofedTrailer(t, run) })
	t.Run("obeyed headers", func(t *testing.T) {
		s := newStack(t, nil)
		run(t, s)
		testObeyedHeaders(t, s, "X-Middleware-Request-")
	})
	t.Run("claim headers", func(t *testing.T) {
		s := newStack(t, map[string]string{
			"CLERKGATE_CLAIM_HEADERS": "X-Forwarded-Email=email", "CLERKGATE_ENRICH": "user", "CLERKGATE_PUBLIC_PATHS": "/public",
		})
		runNginx(t, s, program, documented(t, "nginx"))
		testClaimHeader(t, s)
	})
	t.Run("sessions", func(t *testing.T) { testRecipe(t, run) })
	t.Run("routes", func(t *testing.T) { testRoutes(t, true, run) })
}

// runNginx starts nginx with the recipe, and with more lines in clerkgate_protect.conf.
func runNginx(t *testing.T, s *stack, program, lines string) {
	dir := install(t, s, "nginx", "listen 80;", "listen "+s.address+";")
	protect, err := os.OpenFile(filepath.Join(dir, "clerkgate_protect.conf"), os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = protect.WriteString(lines)
	require.NoError(t, err)
	require.NoError(t, protect.Close())
	// What a service would set: run in front, leave the system's files alone.
	p := start(t, exec.Command(program, "-e", "stderr", "-c", filepath.Join(dir, "nginx.conf"), "-p", dir,
		"-g", "daemon off; pid "+filepath.Join(dir, "nginx.pid")+";"))
	waitFor(t, p, s.address)
}
