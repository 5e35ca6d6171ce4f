package demo

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestLogIsOneReadableLinePerRecord(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		log  func(*slog.Logger)
		want string // behind the time of day
	}{
		{
			name: "refresh",
			log: func(l *slog.Logger) {
				l.Info("request", "decision", "signed-in", "status", 200, "method", "GET", "path", "/",
					"user_id", "user_1", "refreshed", true, "upstream_status", 200, "duration", 1200*time.Microsecond)
			},
			want: "signed-in   200  GET   /                               Jane, token refreshed  (1.2ms)",
		},
		{
			name: "signed out",
			log: func(l *slog.Logger) {
				l.Info("request", "decision", "signed-out", "reason", "session-token-and-uat-missing", "status", 401, "method", "GET", "path", "/api/me")
			},
			want: "signed-out  401  GET   /api/me                         session-token-and-uat-missing",
		},
		{
			name: "passed on to Clerk",
			log:  func(l *slog.Logger) { l.Info("request", "status", 307, "method", "GET", "path", "/__clerk/sign-in") },
			want: "for Clerk   307  GET   /__clerk/sign-in",
		},
		{
			name: "anything else",
			log: func(l *slog.Logger) {
				l.With("a", 1).WithGroup("g").Warn("the keys are old", "age", time.Minute)
			},
			want: "warn        the keys are old  a=1  g.age=1m0s",
		},
		{
			name: "an attempt to write lines of its own",
			log: func(l *slog.Logger) {
				l.Error("request", "status", 502, "method", "GET", "path", "/", "error", "a\nb\x1b[2J")
			},
			want: "not judged  502  GET   /                               a?b?[2J",
		},
		{name: "below info", log: func(l *slog.Logger) { l.Debug("request") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			c.log(slog.New(newDecisionLog(&out, func(string) string { return "Jane" }, func(string, string, int) {})))
			if c.want == "" {
				assert.Empty(t, out.String())
				return
			}
			line := out.String()
			assert.Equal(t, 1, strings.Count(line, "\n"))
			assert.Equal(t, c.want, strings.TrimSpace(line[len(time.TimeOnly):]))
		})
	}
}
