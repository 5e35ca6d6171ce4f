package proxy

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/clerkgate/clerkgate/internal/identity"
)

// accessLog writes one line for each request.
type accessLog struct {
	logger *slog.Logger
	now    func() time.Time
}

func (al *accessLog) enabled(ctx context.Context) bool { return al.logger.Enabled(ctx, slog.LevelInfo) }

// line writes the line of a request that has ended, in whatever way. It never contains a
// query, a cookie or a token, because these hold credentials.
func (al *accessLog) line(r *http.Request, ps *passage, start time.Time) {
	status := ps.client.status
	if status == 0 {
		status = ps.outcome.Status // an upgrade: its response bypassed the ResponseWriter
	}
	attrs := make([]slog.Attr, 0, 12)
	if ps.state != nil {
		decision, reason := identity.Verdict(ps.state)
		attrs = append(attrs, slog.String("decision", string(decision)))
		if reason != "" {
			attrs = append(attrs, slog.String("reason", reason))
		}
	}
	attrs = append(attrs, slog.Int("status", status), slog.String("method", ps.method), slog.String("path", ps.path))
	if ps.rule != nil && ps.rule.name != "" {
		attrs = append(attrs, slog.String("route", ps.rule.name))
	}
	if ps.state != nil {
		if id := ps.state.Auth.UserID; id != "" {
			attrs = append(attrs, slog.String("user_id", id))
		}
		if ps.state.Refreshed {
			attrs = append(attrs, slog.Bool("refreshed", true))
		}
	}
	if ps.outcome.Status != 0 {
		attrs = append(attrs, slog.Int("upstream_status", ps.outcome.Status))
	}
	attrs = append(attrs, slog.Duration("duration", al.now().Sub(start).Round(time.Microsecond)))
	level := slog.LevelInfo
	if ps.outcome.Err != nil && r.Context().Err() == nil {
		level = slog.LevelWarn
		attrs = append(attrs, slog.String("error", ps.outcome.Err.Error()))
	}
	al.logger.LogAttrs(r.Context(), level, "request", attrs...)
}

// statusWriter records the status of a response.
type statusWriter struct {
	http.ResponseWriter
	status int // 0 until there is one
}

// Unwrap lets [http.ResponseController] reach Flush and Hijack.
func (sw *statusWriter) Unwrap() http.ResponseWriter { return sw.ResponseWriter }

// WriteHeader records a final status.
func (sw *statusWriter) WriteHeader(status int) {
	if status >= 200 || status == http.StatusSwitchingProtocols {
		sw.status = status
	}
	sw.ResponseWriter.WriteHeader(status)
}

// Write records the status that net/http implies.
func (sw *statusWriter) Write(b []byte) (int, error) {
	if sw.status == 0 {
		sw.status = http.StatusOK
	}
	return sw.ResponseWriter.Write(b)
}
