package proxy

import (
	"context"
	"net/http"

	"github.com/clerkgate/clerkgate/proxy/internal/admin"
	"github.com/clerkgate/clerkgate/proxy/internal/serve"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

// operate returns what makes the handler of the pages for operators, or nil without any.
func (a *application) operate(cfg settings.Config) func(ready func(context.Context) serve.Readiness) http.Handler {
	if cfg.AdminPages == settings.AdminProbes {
		return nil
	}
	return func(ready func(context.Context) serve.Readiness) http.Handler {
		return admin.New(admin.Options{
			Pages: a.adminPages(), Overview: a.overview(ready),
			Token: cfg.AdminToken, ClientCertificates: cfg.AdminClientCAFile != "", Logger: a.logger, Acted: a.acted,
		})
	}
}

// adminPages returns the table of the pages for operators. The two without a handler are of
// [serve.Run].
func (a *application) adminPages() []admin.Page {
	return append([]admin.Page{
		{Method: http.MethodGet, Path: "/healthz", About: "whether the process is alive"},
		{Method: http.MethodGet, Path: "/readyz", About: "whether requests can be served, and how each part is doing"},
		{Method: http.MethodPost, Path: "/-/revoke", About: "end a session, all of a user, or have everybody's renewed", Handler: http.HandlerFunc(a.revoke)},
		{Method: http.MethodGet, Path: "/-/doctor", About: "why browsers cannot sign in, and the last handshakes", Handler: a.handshakes},
		{Method: http.MethodGet, Path: "/metrics", About: "metrics for Prometheus", Handler: a.Metrics()},
		{Method: http.MethodGet, Path: "/-/streams", About: "the sessions with open WebSockets, event streams and other long connections", Handler: a.streams},
	}, append(a.levelPages(), profilePages(a.inForce)...)...)
}
