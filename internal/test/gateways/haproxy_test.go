package gateways

import (
	"net/http"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestHAProxy(t *testing.T) {
	program := required(t, "haproxy")
	run := func(t *testing.T, s *stack) {
		command := exec.Command(program, "-db", "-f", "haproxy.cfg")
		command.Dir = install(t, s, "haproxy", "bind :80", "bind "+s.address)
		p := start(t, command)
		waitFor(t, p, s.address)
	}
	t.Run("obeyed headers", func(t *testing.T) {
		s := newStack(t, nil)
		run(t, s)
		testObeyedHeaders(t, s)
	})
	t.Run("sessions", func(t *testing.T) { testRecipe(t, run) })
	t.Run("routes", func(t *testing.T) { testRoutes(t, true, run) })
}

// HAProxy goes on after an action that failed: without the second lock that would
// be a yes.
func TestHAProxyStandsByANoWhenItsScriptFails(t *testing.T) {
	program := required(t, "haproxy")
	s := newStack(t, nil)
	command := exec.Command(program, "-db", "-f", "haproxy.cfg")
	command.Dir = install(t, s, "haproxy", "bind :80", "bind "+s.address, "core.httpclient()", "error('broken')")
	p := start(t, command)
	waitFor(t, p, s.address)
	answer := s.signIn(t, jane, 0).Fetch(http.MethodGet, s.origin+"/page", "")
	assert.Equal(t, http.StatusServiceUnavailable, answer.StatusCode)
	assert.Zero(t, s.app.count())
}
