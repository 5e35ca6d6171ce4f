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
func (p *probes) handler(pages func(ready func(context.Context) Readiness) http.Handler) http.Handler {
	mux := http.NewServeMux()
	if pages != nil {
		mux.Handle("/", pages(func(ctx context.Context) Readiness { state, _ := p.readiness(ctx); return state }))
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

// Readiness is how an [App] is doing: the body of a response to /readyz.
type Readiness struct {
	// Status is ready, degraded (ready, but a part is not up), unready or shutting down.
	Status string            `json:"status"`
	Parts  map[string]string `json:"parts,omitempty"`
}

func (p *probes) readyz(w http.ResponseWriter, r *http.Request) {
	body, ok := p.readiness(r.Context())
	if !ok {
		p.report(w, http.StatusServiceUnavailable, body)
		return
	}
	p.report(w, http.StatusOK, body)
}

// readiness returns how the App is doing; ok reports whether it wants requests.
func (p *probes) readiness(ctx context.Context) (state Readiness, ok bool) {
	if p.stopping.Load() {
		return Readiness{Status: "shutting down"}, false
	}
	within, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	// The log has the reason of an error; others on the network may read the response.
	err := p.app.Ready(within)
	state = Readiness{Status: "ready", Parts: p.app.Parts(ctx)}
	for _, part := range state.Parts {
		if part != PartUp && part != PartNotAsked {
			state.Status = "degraded"
		}
	}
	switch {
	case err == nil:
	case p.always && !errors.Is(err, ErrUpstream):
		state.Status = "degraded"
	default:
		state.Status = "unready"
		return state, false
	}
	return state, true
}

func (p *probes) report(w http.ResponseWriter, status int, body Readiness) {
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
