package gateways

import (
	"os/exec"
	"testing"
)

func TestHAProxy(t *testing.T) {
	program := required(t, "haproxy")
	testRecipe(t, func(t *testing.T, s *stack) {
		command := exec.Command(program, "-db", "-f", "haproxy.cfg")
		command.Dir = install(t, s, "haproxy", "bind :80", "bind "+s.address)
		p := start(t, command)
		waitFor(t, p, s.address)
	})
}
