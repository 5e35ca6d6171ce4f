package serve

import (
	"context"
	"encoding/json"
	"errors"
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
	app      App
	always   bool // as Options.AlwaysReady
	stopping atomic.Bool
}

// handler serves the two paths, which are read-only, and leaves the rest to pages, which may
// be nil.
func (p *probes) handler(pages http.Handler) http.Handler {
	mux := http.NewServeMux()
	if pages != nil {
		mux.Handle("/", pages)
		for _, path := range [...]string{"/healthz", "/readyz"} {
			mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Allow", "GET, HEAD")
				probed(w, http.StatusMethodNotAllowed, "method not allowed")
			})
		}
	}
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		probed(w, http.StatusOK, "ok")
	})
	mux.HandleFunc("GET /readyz", p.readyz)
	return mux
}

// readiness is the body of a response to /readyz.
type readiness struct {
	// Status is ready, degraded (ready, but a part is not up), unready or shutting down.
	Status string            `json:"status"`
	Parts  map[string]string `json:"parts,omitempty"`
}

func (p *probes) readyz(w http.ResponseWriter, r *http.Request) {
	if p.stopping.Load() {
		p.report(w, http.StatusServiceUnavailable, readiness{Status: "shutting down"})
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	// The log has the reason of an error; others on the network may read the response.
	err := p.app.Ready(ctx)
	body := readiness{Status: "ready", Parts: p.app.Parts(r.Context())}
	for _, state := range body.Parts {
		if state != PartUp && state != PartNotAsked {
			body.Status = "degraded"
		}
	}
	switch {
	case err == nil:
	case p.always && !errors.Is(err, ErrUpstream):
		body.Status = "degraded"
	default:
		body.Status = "unready"
		p.report(w, http.StatusServiceUnavailable, body)
		return
	}
	p.report(w, http.StatusOK, body)
}

func (p *probes) report(w http.ResponseWriter, status int, body readiness) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the prober may have gone
}

func probed(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n")
}
