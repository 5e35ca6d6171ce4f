package demo

import (
	"bytes"
	"io"
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
		log  func(*slog.Logger, io.Writer)
		want string // behind the time of day
	}{
		{
			name: "refresh",
			log: func(_ *slog.Logger, requests io.Writer) {
				_, _ = io.WriteString(requests, `{"decision":"signed-in","http.response.status_code":200,"http.request.method":"GET","url.path":"/","user_id":"user_1","refreshed":"true","duration_ms":1.234}`)
			},
			want: "signed-in   200  GET   /                               Jane, token refreshed  (1.2ms)",
		},
		{
			name: "signed out",
			log: func(_ *slog.Logger, requests io.Writer) {
				_, _ = io.WriteString(requests, `{"decision":"signed-out","reason":"session-token-and-uat-missing","http.response.status_code":401,"http.request.method":"GET","url.path":"/api/me"}`)
			},
			want: "signed-out  401  GET   /api/me                         session-token-and-uat-missing  (0.0ms)",
		},
		{
			name: "passed on to Clerk",
			log: func(_ *slog.Logger, requests io.Writer) {
				_, _ = io.WriteString(requests, `{"http.response.status_code":307,"http.request.method":"GET","url.path":"/__clerk/sign-in"}`)
			},
			want: "for Clerk   307  GET   /__clerk/sign-in                  (0.0ms)",
		},
		{
			name: "anything else",
			log: func(l *slog.Logger, _ io.Writer) {
				l.With("a", 1).WithGroup("g").Warn("the keys are old", "age", time.Minute)
			},
			want: "warn        the keys are old  a=1  g.age=1m0s",
		},
		{
			name: "an attempt to write lines of its own",
			log: func(_ *slog.Logger, requests io.Writer) {
				_, _ = io.WriteString(requests, `{"http.response.status_code":502,"http.request.method":"GET","url.path":"/","error":"a\nb\u001b[2J"}`)
			},
			want: "not judged  502  GET   /                               a?b?[2J  (0.0ms)",
		},
		{name: "below info", log: func(l *slog.Logger, _ io.Writer) { l.Debug("request") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			log := newDecisionLog(&out, func(string) string { return "Jane" }, func(string, string, int) {})
			c.log(slog.New(log), requestLog{log})
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
