package proxy

import (
	"github.com/clerkgate/clerkgate/internal/origin"
	"github.com/clerkgate/clerkgate/middleware"
	"github.com/clerkgate/clerkgate/proxy/internal/answer"
	"github.com/clerkgate/clerkgate/proxy/internal/gateway"
	"github.com/clerkgate/clerkgate/proxy/internal/outbound"
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
	tokens       outbound.Tokens
	gateway      *gateway.Answer // what the gateway that asks gets; nil when none does

	// outcome is the upstream's part in the answer; its Err is also why the request was
	// refused, if it was.
	outcome answer.Outcome
	client  statusWriter // the client's ResponseWriter, when the request is logged
}
