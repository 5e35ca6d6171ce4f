package proxy

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/clerkgate/clerkgate/proxy/internal/outbound"
)

// maxHops is how many clerkgates may forward a request. An application may call itself
// through clerkgate, with the headers it got, and one clerkgate may be behind another.
const maxHops = 8

var errLoop = errors.New("the upstream leads back to clerkgate")

// countHops refuses requests that were forwarded too often: if an upstream leads back to
// clerkgate, directly or through others, each request would go round until no connections
// are left. A client that sends the header itself only gets its own request refused: the
// response is not cached, and no page of another site can make a browser send the header.
func countHops(next station) station {
	return func(w http.ResponseWriter, r *http.Request, ps *passage) {
		for _, value := range r.Header[outbound.HopsHeader] {
			if n, err := strconv.Atoi(value); err == nil {
				ps.hops = max(ps.hops, n)
			}
		}
		if ps.hops < maxHops {
			next(w, r, ps)
			return
		}
		ps.outcome.Err = errLoop
		ps.site.pages.Refuse(w, r, http.StatusLoopDetected, "upstream_loop", "This request was passed on in a circle: the upstream of this server leads back to it.")
	}
}
