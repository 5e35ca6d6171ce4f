package forward

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"sync"

	"github.com/clerkgate/clerkgate/internal/http1"
	"github.com/clerkgate/clerkgate/internal/wire"
)

// informational passes 1xx responses to the client during a round trip.
type informational struct {
	w       http.ResponseWriter
	mute    bool // the client speaks HTTP/1.0, which has no 1xx (RFC 9110, section 15.2)
	mu      sync.Mutex
	stopped bool
	told    int
}

// maxInformational bounds the 1xx responses to one request, as [http1.Transport] does.
const maxInformational = 100

var errTooManyInformational = fmt.Errorf("%w: more than %d informational answers", http1.ErrMalformedAnswer, maxInformational)

// watch returns r with a trace that sees 1xx responses.
func (i *informational) watch(r *http.Request) *http.Request {
	trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
		i.mu.Lock()
		defer i.mu.Unlock()
		if i.told++; i.told > maxInformational {
			return errTooManyInformational
		}
		if !i.stopped {
			i.Inform(code, http.Header(h))
		}
		return nil
	}}
	return r.WithContext(httptrace.WithClientTrace(r.Context(), trace))
}

// Inform sends a 1xx response with its own headers only: those that clerkgate has set,
// above all cookies, belong to the final response.
func (i *informational) Inform(code int, header http.Header) {
	if i.mute {
		return
	}
	h := i.w.Header()
	kept := maps.Clone(h)
	clear(h)
	for name, values := range header {
		if !wire.IsHopByHop(name) && !wire.ClaimsIdentity(name) {
			h[name] = values
		}
	}
	i.w.WriteHeader(code)
	clear(h)
	maps.Copy(h, kept)
}

// stop makes later calls of the trace, which a transport may make, do nothing.
func (i *informational) stop() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.stopped = true
}
