package proxy

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/clerkgate/clerkgate/middleware"
)

// entry is what is known about one request while it is served, and what its line
// in the access log says. It belongs to that request's goroutine.
type entry struct {
	http.ResponseWriter // the client's, when the request is logged

	path   string // as it was judged; without the query
	method string // of the original request, where a gateway asks; "" for the request's own
	// upstreamPath is path without the route's prefix.
	upstreamPath string
	host         string            // as it was judged, for the upstream; "" for the request's own
	rule         *rule             // nil while no route has matched
	state        *middleware.State // nil when nobody looked

	informational informational

	authorization string // for the upstream, in place of the client's
	assertion     string // for the upstream

	start    time.Time
	status   int   // of the answer
	upstream int   // status of the upstream; 0 when it was not asked
	failure  error // of the round trip, or why the request was refused
}

type entryKey struct{}

// withEntry is for the ways that lead through other packages' handlers.
func withEntry(ctx context.Context, e *entry) context.Context {
	return context.WithValue(ctx, entryKey{}, e)
}

func entryOf(ctx context.Context) *entry {
	e, _ := ctx.Value(entryKey{}).(*entry)
	return e
}

// Unwrap lets [http.ResponseController] reach Flush and Hijack.
func (e *entry) Unwrap() http.ResponseWriter { return e.ResponseWriter }

// WriteHeader remembers the status.
func (e *entry) WriteHeader(status int) {
	if status >= 200 || status == http.StatusSwitchingProtocols {
		e.status = status
	}
	e.ResponseWriter.WriteHeader(status)
}

// Write remembers that the status was implied.
func (e *entry) Write(b []byte) (int, error) {
	if e.status == 0 {
		e.status = http.StatusOK
	}
	return e.ResponseWriter.Write(b)
}

// logLine writes one line when the request is done, whatever way it ends. It never
// mentions a query, a cookie or a token: they hold credentials.
func (p *Proxy) logLine(r *http.Request, e *entry) {
	status := e.status
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
	attrs = append(attrs, slog.Int("status", status), slog.String("method", cmp.Or(e.method, r.Method)), slog.String("path", e.path))
	if e.rule != nil && e.rule.name != "" {
		attrs = append(attrs, slog.String("route", e.rule.name))
	}
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
	attrs = append(attrs, slog.Duration("duration", p.now().Sub(e.start).Round(time.Microsecond)))
	level := slog.LevelInfo
	if e.failure != nil && r.Context().Err() == nil {
		level = slog.LevelWarn
		attrs = append(attrs, slog.String("error", e.failure.Error()))
	}
	p.logger.LogAttrs(r.Context(), level, "request", attrs...)
}
