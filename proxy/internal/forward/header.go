package forward

import (
	"net/http"

	"github.com/clerkgate/clerkgate/internal/wire"
)

// Header is the header of a request for an application.
type Header struct {
	Map    http.Header
	values []string // of what [Header.Set] wrote; they share one array
}

// NewHeader returns an empty Header with room for n names, for callers that want to know
// the headers without sending a request.
func NewHeader(n int) *Header { return &Header{Map: make(http.Header, n)} }

// Copy adds those headers of a client that may pass by filter: all but those about the
// connection, those that clerkgate writes itself, and those that applications believe.
// trusted says that the client is a trusted proxy.
func (h *Header) Copy(in http.Header, filter *wire.Filter, trusted bool) {
	listed := in["Connection"]
	for name, values := range in {
		if filter.Passes(name, trusted) && (len(listed) == 0 || !wire.HasToken(listed, name)) {
			h.Map[name] = values
		}
	}
	if wire.HasToken(in["Te"], "trailers") {
		h.Set("Te", "trailers") // gRPC asks for it
	}
	if isWebSocket(in) {
		h.Set("Connection", "Upgrade")
		h.Set("Upgrade", "websocket")
	}
	if _, ok := h.Map["User-Agent"]; !ok {
		h.Map["User-Agent"] = nil // keeps net/http from sending its own
	}
}

// Set sets a header to one value, without an allocation for it. name is in net/http's
// canonical spelling. An empty value changes nothing.
func (h *Header) Set(name, value string) {
	if value == "" {
		return
	}
	h.values = append(h.values, value)
	n := len(h.values)
	h.Map[name] = h.values[n-1 : n : n]
}

// isWebSocket reports whether a request or a response switches to WebSocket. No other
// upgrade is allowed: after one to h2c a client would talk to the upstream directly, with
// identity headers of its own choice.
func isWebSocket(h http.Header) bool {
	upgrade := h["Upgrade"]
	return len(upgrade) == 1 && wire.EqualFold(upgrade[0], "websocket") && wire.HasToken(h["Connection"], "Upgrade")
}
