package proxy

import (
	"time"

	"github.com/clerkgate/clerkgate/internal/origin"
	"github.com/clerkgate/clerkgate/middleware"
	"github.com/clerkgate/clerkgate/proxy/internal/answer"
	"github.com/clerkgate/clerkgate/proxy/internal/gateway"
	"github.com/clerkgate/clerkgate/proxy/internal/monitor"
	"github.com/clerkgate/clerkgate/proxy/internal/outbound"
)

// passage is what is known about one request. Each station gets it, reads what earlier
// stations have found out, and adds its own findings. It belongs to the request's goroutine.
type passage struct {
	hops   int    // how many clerkgates have forwarded it before
	method string // of the request that is judged: if a gateway asks, of the original
	path   string // as it is judged; without the query
	// public is the URL as the client wrote it. It is worked out once, before any station
	// needs it.
	public *origin.Public

	site         *site             // the routes in force when the request arrived
	rule         *rule             // nil until a route has matched
	upstreamPath string            // path without the route's prefix
	host         string            // as it was judged, for the upstream; "" for that of the request
	state        *middleware.State // nil if the request was not authenticated
	tokens       outbound.Tokens
	gateway      *gateway.Answer // for the gateway that asks; nil if none does

	// outcome is the upstream's part in the response. Its Err also says why a station has
	// refused the request.
	outcome answer.Outcome

	place  monitor.Place // what it is for, without a rule
	seen   clientWriter  // the client's ResponseWriter, for the metrics
	began  time.Time     // when the request came
	handed time.Time     // when it was ready for the application; zero if it was answered here
	client clientWriter  // the client's ResponseWriter, if the request is logged

	start      time.Time // when the request arrived, if it is logged
	returned   bool      // the stations have returned, without a panic
	requestID  string
	requestIDs [1]string // requestID as a header
}
