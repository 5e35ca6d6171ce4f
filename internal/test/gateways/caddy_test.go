package gateways

import (
	"os/exec"
	"path/filepath"
	"testing"
)

func TestCaddy(t *testing.T) {
	program := required(t, "caddy")
	run := func(t *testing.T, s *stack) {
		dir := install(t, s, "caddy", "app.example.com {", s.origin+" {",
			"(clerkgate) {", "{\n\tadmin off\n}\n\n(clerkgate) {") // its address is fixed, and somebody's else perhaps
		command := exec.Command(program, "run", "--config", filepath.Join(dir, "Caddyfile"), "--adapter", "caddyfile")
		// Caddy keeps its state in the home of whoever runs it.
		command.Env = []string{"HOME=" + dir, "XDG_DATA_HOME=" + dir, "XDG_CONFIG_HOME=" + dir}
		p := start(t, command)
		waitFor(t, p, s.address)
	}
	t.Run("trailer", func(t *testing.T) { testSpoofedTrailer(t, run) })
	t.Run("obeyed headers", func(t *testing.T) {
		s := newStack(t, nil)
		run(t, s)
		testObeyedHeaders(t, s)
	})
	t.Run("sessions", func(t *testing.T) { testRecipe(t, run) })
	t.Run("routes", func(t *testing.T) { testRoutes(t, true, run) })
}
