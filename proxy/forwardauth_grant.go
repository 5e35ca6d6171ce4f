package proxy

import (
	"net/http"
	"slices"
	"strings"

	"github.com/clerkgate/clerkgate/internal/identity"
	"github.com/clerkgate/clerkgate/internal/wire"
)

// grant says yes in place of the upstream, and tells the gateway what the application
// may see. in is the header of the original request, out that which an upstream would
// get.
//
// Every identity header is in the answer, empty when there is nothing to tell: a
// gateway that copies them then overwrites whatever a client sent under the same
// name (CVE-2026-30851). Cookie and Authorization are as an upstream would get
// them: the session fresh, the refresh token gone. What else the upstream would
// get otherwise than it came, such as a header that the route adds, is there too.
func (a *gatewayAnswer) grant(w http.ResponseWriter, in, out http.Header) {
	h := w.Header()
	wire.Delete(h, wire.ClaimsIdentity) // what the middleware tells browsers
	for name, values := range out {
		if len(values) > 0 && !wire.ClaimsForwarded(name) && !slices.Equal(values, in[name]) {
			h[name] = []string{strings.Join(values, ", ")}
		}
	}
	for _, name := range identity.Headers() {
		h[name] = []string{strings.Join(out[name], ", ")}
	}
	h["Authorization"] = []string{strings.Join(out["Authorization"], ", ")}
	h["Cookie"] = []string{strings.Join(out["Cookie"], "; ")}
	a.granted = true
	w.WriteHeader(http.StatusOK)
}
