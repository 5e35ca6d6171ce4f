package proxy

import (
	"net/http"

	"github.com/clerkgate/clerkgate/internal/origin"
	"github.com/clerkgate/clerkgate/internal/wire"
	"github.com/clerkgate/clerkgate/middleware"
	"github.com/clerkgate/clerkgate/proxy/internal/answer"
	"github.com/clerkgate/clerkgate/proxy/internal/gateway"
)

// passage is what is known of one request on its way through the proxy. Each station
// is handed it, reads what others found out, and adds what it finds out itself. It
// belongs to the request's goroutine.
type passage struct {
	hops   int    // how often a clerkgate has passed it on before
	method string // of the request that is judged: where a gateway asks, of the original
	path   string // as it is judged; without the query
	// public is the address as the outside world wrote it. It is worked out once, before
	// anybody needs it.
	public *origin.Public

	site         *site             // the routes as they were when it came
	rule         *rule             // nil while no route has matched
	upstreamPath string            // path without the route's prefix
	host         string            // as it was judged, for the upstream; "" for the request's own
	state        *middleware.State // nil when nobody looked
	tokens       tokens
	gateway      *gateway.Answer // what the gateway that asks gets; nil when none does

	// outcome is the upstream's part in the answer; its Err is also why the request was
	// refused, if it was.
	outcome answer.Outcome
	client  statusWriter // the client's ResponseWriter, when the request is logged
}

// tokens are what a route promises its upstream beside the identity headers.
type tokens struct {
	authorization string // in place of the client's
	assertion     string
}

// statusWriter remembers the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int // 0 until there is one
}

// Unwrap lets [http.ResponseController] reach Flush and Hijack.
func (sw *statusWriter) Unwrap() http.ResponseWriter { return sw.ResponseWriter }

// WriteHeader remembers a final status.
func (sw *statusWriter) WriteHeader(status int) {
	if status >= 200 || status == http.StatusSwitchingProtocols {
		sw.status = status
	}
	sw.ResponseWriter.WriteHeader(status)
}

// Write remembers that the status was implied.
func (sw *statusWriter) Write(b []byte) (int, error) {
	if sw.status == 0 {
		sw.status = http.StatusOK
	}
	return sw.ResponseWriter.Write(b)
}

// withoutClaims returns r without headers that claim an identity; r itself when
// there are none.
func withoutClaims(r *http.Request) *http.Request {
	for name := range r.Header {
		if wire.ClaimsIdentity(name) {
			clone := *r
			clone.Header = r.Header.Clone()
			wire.Delete(clone.Header, wire.ClaimsIdentity)
			return &clone
		}
	}
	return r
}
