package serve

import (
	"context"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// readyTimeout bounds one readiness check, which may fetch the keys.
const readyTimeout = 3 * time.Second

// probes answers the probes of an orchestrator on a separate listener. The public
// listener does not serve them (CVE-2026-34457, CVE-2022-24797).
type probes struct {
	ready    func(context.Context) error
	stopping atomic.Bool
}

// handler serves the two paths, which are read-only.
func (p *probes) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		probed(w, http.StatusOK, "ok")
	})
	mux.HandleFunc("GET /readyz", p.readyz)
	return mux
}

func (p *probes) readyz(w http.ResponseWriter, r *http.Request) {
	if p.stopping.Load() {
		probed(w, http.StatusServiceUnavailable, "shutting down")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	if p.ready(ctx) != nil {
		// The log has the reason; others on the network may read the response to a probe.
		probed(w, http.StatusServiceUnavailable, "the keys of the Clerk instance are not loaded yet")
		return
	}
	probed(w, http.StatusOK, "ready")
}

func probed(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n")
}
