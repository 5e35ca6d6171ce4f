package http1

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/clerkgate/clerkgate/internal/wire"
)

// keepAliveMargin is how much earlier than the upstream we close a connection: a request
// may be under way while the upstream closes, and cannot then be repeated unless it is
// idempotent.
const keepAliveMargin = time.Second

// maxKeepAlive bounds the time that a hint may give.
const maxKeepAlive = time.Hour

// heedKeepAlive remembers how long the upstream keeps the connection when it is
// idle, if the response's header says so: "Keep-Alive: timeout=5, max=100" (RFC 2068,
// section 19.7.1, as Node, Apache and others send it). It returns false when the
// connection is not worth keeping.
func (c *conn) heedKeepAlive(h http.Header) bool {
	c.keepFor = 0
	for _, line := range h["Keep-Alive"] {
		for parameter := range strings.SplitSeq(line, ",") {
			name, value, _ := strings.Cut(parameter, "=")
			if !wire.EqualFold(wire.Trim(name), "timeout") {
				continue
			}
			seconds, err := strconv.ParseUint(wire.Trim(value), 10, 32)
			if err != nil {
				continue // not a hint that can be followed
			}
			timeout := min(time.Duration(seconds)*time.Second, maxKeepAlive)
			c.keepFor = timeout - min(keepAliveMargin, timeout/2)
			return timeout > 0
		}
	}
	return true
}
