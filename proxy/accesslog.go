package proxy

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/clerkgate/clerkgate/middleware"
)

// entry gathers what one line of the access log says. It belongs to one request
// and is used by that request's goroutine.
type entry struct {
	state    *middleware.State
	upstream int   // status of the upstream; 0 when it was not asked
	failure  error // of the round trip
}

type entryKey struct{}

func entryOf(ctx context.Context) *entry {
	e, _ := ctx.Value(entryKey{}).(*entry)
	return e
}

// observer is the middleware's Observer, in front of the one that the
// configuration may have. It sees handshakes too, which never reach the handler
// behind the middleware.
func observer(next func(*http.Request, *middleware.State)) func(*http.Request, *middleware.State) {
	return func(r *http.Request, state *middleware.State) {
		if e := entryOf(r.Context()); e != nil {
			e.state = state
		}
		if next != nil {
			next(r, state)
		}
	}
}

// logged writes one line when the request is done, whatever way it ends.
func (p *Proxy) logged(w http.ResponseWriter, r *http.Request, path string, next http.Handler) {
	if !p.logger.Enabled(r.Context(), slog.LevelInfo) {
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), entryKey{}, &entry{})))
		return
	}
	e := &entry{}
	recorder := &recorder{ResponseWriter: w}
	start := p.now()
	defer func() { p.logLine(r, path, e, recorder.status, p.now().Sub(start)) }()
	next.ServeHTTP(recorder, r.WithContext(context.WithValue(r.Context(), entryKey{}, e)))
}

// logLine never mentions a query, a cookie or a token: they hold credentials.
func (p *Proxy) logLine(r *http.Request, path string, e *entry, status int, took time.Duration) {
	if status == 0 {
		status = e.upstream // an upgrade: its answer went past the ResponseWriter
	}
	attrs := make([]slog.Attr, 0, 12)
	if e.state != nil {
		decision, reason := verdict(e.state)
		attrs = append(attrs, slog.String("decision", string(decision)))
		if reason != "" {
			attrs = append(attrs, slog.String("reason", reason))
		}
	}
	attrs = append(attrs, slog.Int("status", status), slog.String("method", r.Method), slog.String("path", path))
	if e.state != nil {
		if id := e.state.Auth.UserID; id != "" {
			attrs = append(attrs, slog.String("user_id", id))
		}
		if e.state.Refreshed {
			attrs = append(attrs, slog.Bool("refreshed", true))
		}
	}
	if e.upstream != 0 {
		attrs = append(attrs, slog.Int("upstream_status", e.upstream))
	}
	attrs = append(attrs, slog.Duration("duration", took.Round(time.Microsecond)))
	level := slog.LevelInfo
	if e.failure != nil && r.Context().Err() == nil {
		level = slog.LevelWarn
		attrs = append(attrs, slog.String("error", e.failure.Error()))
	}
	p.logger.LogAttrs(r.Context(), level, "request", attrs...)
}

// recorder remembers the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int
}

// Unwrap lets [http.ResponseController] reach Flush and Hijack.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func (r *recorder) WriteHeader(status int) {
	if status >= 200 || status == http.StatusSwitchingProtocols {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(b)
}
