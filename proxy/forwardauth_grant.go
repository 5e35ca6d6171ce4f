package proxy

import (
	"net/http"
	"slices"
	"strings"

	"github.com/clerkgate/clerkgate/internal/wire"
	"github.com/clerkgate/clerkgate/proxy/internal/answer"
)

// grant stands where a proxied request would go to its upstream, and tells the
// gateway what the application may see.
//
// Every identity header is in the answer, empty when there is nothing to tell: a
// gateway that copies them then overwrites whatever a client sent under the same
// name (CVE-2026-30851). Cookie and Authorization are as an upstream would get
// them: the session fresh, the refresh token gone. What else the upstream would
// get otherwise than it came, such as a header that the route adds, is there too.
type grant struct {
	// header makes the headers that an upstream of this request would get.
	header func(*http.Request) http.Header
}

// ServeHTTP must run inside an answer of [forwardAuth]; elsewhere it refuses.
func (g grant) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a, ok := r.Context().Value(gatewayAnswerKey{}).(*gatewayAnswer)
	if !ok {
		answer.Refuse(w, r, http.StatusInternalServerError, "not_asked", "No gateway asked about this request.")
		return
	}
	h := w.Header()
	wire.Delete(h, claimsIdentity) // what the middleware tells browsers
	out := g.header(r)
	for name, values := range out {
		if len(values) > 0 && !wire.ClaimsForwarded(name) && !slices.Equal(values, r.Header[name]) {
			h[name] = []string{strings.Join(values, ", ")}
		}
	}
	for _, name := range identityHeaders {
		h[name] = []string{strings.Join(out[name], ", ")}
	}
	h["Authorization"] = []string{strings.Join(out["Authorization"], ", ")}
	h["Cookie"] = []string{strings.Join(out["Cookie"], "; ")}
	a.granted = true
	w.WriteHeader(http.StatusOK)
}

// identityHeaders are all that speak of who it is; from the third on those that
// [fields.setIdentity] writes are in the order of [routes.IdentityNames].
var identityHeaders = [...]string{
	headerStatus, headerReason, headerUserID, headerSessionID, headerOrgID, headerOrgSlug, headerOrgRole,
	headerTokenType, headerMachineID, headerClientID, headerScopes, headerAssertion,
}
