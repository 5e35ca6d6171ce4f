package gateways

import (
	"os/exec"
	"testing"
)

func TestHAProxy(t *testing.T) {
	program := required(t, "haproxy")
	run := func(t *testing.T, s *stack) {
		command := exec.Command(program, "-db", "-f", "haproxy.cfg")
		command.Dir = install(t, s, "haproxy", "bind :80", "bind "+s.address)
		p := start(t, command)
		waitFor(t, p, s.address)
	}
	t.Run("sessions", func(t *testing.T) { testRecipe(t, run) })
	t.Run("routes", func(t *testing.T) { testRoutes(t, true, run) })
}
