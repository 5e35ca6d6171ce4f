package gateways

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// traefik is a program of Traefik's own packages, built once; see traefik/build.sh.
var traefik = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "traefik")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "traefik")
	if out, err := exec.Command(filepath.Join("traefik", "build.sh"), path).CombinedOutput(); err != nil {
		return "", fmt.Errorf("build Traefik: %w\n%s", err, out)
	}
	return path, nil
})

// startTraefik runs the recipe, its files as they are shipped but for the addresses.
func startTraefik(t testing.TB, s *stack, program string) {
	t.Helper()
	dir := install(t, s, "traefik", ":80\"", s.address+"\"")
	command := exec.Command(program, filepath.Join(dir, "traefik.yaml"), filepath.Join(dir, "clerkgate.yaml"))
	command.Env = []string{"CLERK_COOKIE_SUFFIX=" + s.clerk.CookieSuffix()}
	waitFor(t, start(t, command), s.address)
}

func TestTraefik(t *testing.T) {
	program, err := traefik()
	if err != nil && os.Getenv("GATEWAYS_REQUIRED") != "1" {
		t.Skip(err)
	}
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(filepath.Dir(program)) })
	testRecipeWithoutCacheControl(t, func(t *testing.T, s *stack) { startTraefik(t, s, program) }, testClerkIsDown)

	// What Traefik is not told to bring along stays behind: the list of cookies in
	// the recipe is needed, and the test sees it.
	t.Run("another instance's suffix", func(t *testing.T) {
		s := newStack(t, nil)
		dir := install(t, s, "traefik", ":80\"", s.address+"\"")
		command := exec.Command(program, filepath.Join(dir, "traefik.yaml"), filepath.Join(dir, "clerkgate.yaml"))
		command.Env = []string{"CLERK_COOKIE_SUFFIX=other"}
		waitFor(t, start(t, command), s.address)
		b := s.signIn(t, jane, 2*time.Minute)
		old := b.Cookies(s.origin)
		res := b.Fetch(http.MethodGet, s.origin+"/page", "")
		require.Equal(t, http.StatusOK, res.StatusCode)
		name := "__session_" + s.clerk.CookieSuffix()
		assert.Equal(t, old[name], b.Cookies(s.origin)[name])
	})
}
