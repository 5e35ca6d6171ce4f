package proxy

import (
	"context"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// readyTimeout bounds one readiness check, which may fetch the keys.
const readyTimeout = 3 * time.Second

// admin answers the probes of an orchestrator, on a listener of its own. Nothing
// of it is on the public listener (CVE-2026-34457, CVE-2022-24797).
type admin struct {
	ready    func(context.Context) error
	stopping atomic.Bool
}

// handler knows two paths; both are read-only.
func (a *admin) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		probe(w, http.StatusOK, "ok")
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if a.stopping.Load() {
			probe(w, http.StatusServiceUnavailable, "shutting down")
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
		defer cancel()
		if a.ready(ctx) != nil {
			// Why is in the log; a probe's answer may be read by anyone near.
			probe(w, http.StatusServiceUnavailable, "the keys of the Clerk instance are not loaded yet")
			return
		}
		probe(w, http.StatusOK, "ready")
	})
	return mux
}

func probe(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n")
}
