package gateways

import (
	"os/exec"
	"path/filepath"
	"testing"
)

func TestNginx(t *testing.T) {
	program := required(t, "nginx")
	run := func(t *testing.T, s *stack) {
		dir := install(t, s, "nginx", "listen 80;", "listen "+s.address+";")
		// What a service would set: run in front, leave the system's files alone.
		p := start(t, exec.Command(program, "-e", "stderr", "-c", filepath.Join(dir, "nginx.conf"), "-p", dir,
			"-g", "daemon off; pid "+filepath.Join(dir, "nginx.pid")+";"))
		waitFor(t, p, s.address)
	}
	t.Run("sessions", func(t *testing.T) { testRecipe(t, run) })
	t.Run("routes", func(t *testing.T) { testRoutes(t, true, run) })
}
