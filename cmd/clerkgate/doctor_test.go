package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/cmd/clerkgate/internal/doctor"
	"github.com/clerkgate/clerkgate/internal/handshakes"
	"github.com/clerkgate/clerkgate/internal/test/kit"
)

func TestDoctor(t *testing.T) {
	t.Parallel()
	clerk := clerktest.NewServer(t, clerktest.Options{SigningKey: kit.RSAKey(t, 0)})
	app := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(app.Close)
	environment := map[string]string{
		"CLERK_PUBLISHABLE_KEY": clerk.PublishableKey(), "CLERK_SECRET_KEY": clerk.SecretKey(),
		"CLERK_API_URL": clerk.URL, "CLERK_PROXY_URL": clerk.URL, "CLERKGATE_UPSTREAM": app.URL,
	}

	code, stdout, stderr := invoke(t.Context(), environment, "doctor", "--url", app.URL)
	assert.Zero(t, code, "warnings are not failures: %s", stdout)
	assert.Empty(t, stderr)
	assert.Contains(t, stdout, "pass   secret-key")
	assert.Contains(t, stdout, "warn   public-url", "the public URL is the application's own")
	assert.Contains(t, stdout, "0 failed, ")

	code, stdout, stderr = invoke(t.Context(), environment, "doctor", "--json", "--upstream", "http://"+kit.Refusing(t))
	assert.Equal(t, exitFailure, code)
	assert.Empty(t, stderr)
	var told struct {
		OK      bool
		Results []doctor.Result
	}
	require.NoError(t, json.Unmarshal([]byte(stdout), &told))
	assert.False(t, told.OK)
	assert.NotEmpty(t, told.Results)
}

func TestDoctorTellsOfTheConfiguration(t *testing.T) {
	t.Parallel()
	code, stdout, _ := invoke(t.Context(), map[string]string{"CLERK_SECRET_KEY": "sk_test_planted0secret"}, "doctor")
	assert.Equal(t, exitFailure, code)
	assert.Contains(t, stdout, "fail   configuration      CLERK_PUBLISHABLE_KEY: found nothing")
	assert.Contains(t, stdout, "CLERKGATE_UPSTREAM: found nothing")
	assert.NotContains(t, stdout, "planted0")

	code, stdout, _ = invoke(t.Context(), nil, "doctor", "--env-file", filepath.Join(t.TempDir(), "none"))
	assert.Equal(t, exitFailure, code)
	assert.Contains(t, stdout, "--env-file")

	code, _, stderr := invoke(t.Context(), nil, "doctor", "--url", "app.example.com")
	assert.Equal(t, exitUsage, code)
	assert.Contains(t, stderr, "expected http(s)://host")
}

// Every check has a section in the documentation, and every section a check.
func TestDoctorIsDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/doctor.md")
	require.NoError(t, err)
	for _, c := range doctor.Checks() {
		assert.Contains(t, string(page), "\n### "+c.Name+"\n", c.About)
	}
	for _, name := range handshakes.Names() {
		assert.Equal(t, name != handshakes.Unknown, strings.Contains(string(page), "\n### "+name+"\n"), name)
	}
}

func TestDoctorAsksTheRunningServer(t *testing.T) {
	t.Parallel()
	var report atomic.Pointer[handshakes.Report]
	report.Store(&handshakes.Report{Causes: []handshakes.Cause{{Name: handshakes.CookieTwice, Message: "Twice.", Remedy: "Delete both."}}})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /-/doctor", func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "Bearer "+strings.Repeat("t", 32), r.Header.Get("Authorization"))
		assert.NoError(t, json.NewEncoder(w).Encode(report.Load()))
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	environment := map[string]string{
		"CLERKGATE_ADMIN_LISTEN": strings.TrimPrefix(server.URL, "http://"), "CLERKGATE_ADMIN_TOKEN": strings.Repeat("t", 32),
	}
	_, stdout, _ := invoke(t.Context(), environment, "doctor", "--running")
	assert.Contains(t, stdout, "fail   cookie-twice       Twice.\n")
	report.Store(&handshakes.Report{})
	_, stdout, _ = invoke(t.Context(), environment, "doctor", "--running")
	assert.Contains(t, stdout, "pass   running")
	environment["CLERKGATE_ADMIN_LISTEN"] = kit.Refusing(t)
	_, stdout, _ = invoke(t.Context(), environment, "doctor", "--running")
	assert.Contains(t, stdout, "fail   running")
	assert.Contains(t, stdout, "connection refused")
}
