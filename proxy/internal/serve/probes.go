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

// probes answers an orchestrator, on a listener of its own. Nothing of it is on the
// public listener (CVE-2026-34457, CVE-2022-24797).
type probes struct {
	ready    func(context.Context) error
	stopping atomic.Bool
}

// handler knows two paths; both are read-only.
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
		// Why is in the log; a probe's answer may be read by anyone near.
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
