package proxy

import (
	"io"
	"net/http"
	"strings"
	"time"
)

// guard is the ResponseWriter of a request that needs more than [guardedConn]
// gives it: one with a body, or one of HTTP/2, where a client can stop a single
// stream by not opening its window.
type guard struct {
	http.ResponseWriter // as net/http made it
	control             *http.ResponseController
	http2               bool
	idle                time.Duration
	body                *guardedBody // nil when there is none
	write               *watch       // nil on HTTP/1
	fullDuplex          bool
}

func newGuard(w http.ResponseWriter, r *http.Request, idle time.Duration, maxBody int64) *guard {
	g := &guard{ResponseWriter: w, control: http.NewResponseController(w), http2: r.ProtoMajor > 1, idle: idle}
	past := time.Unix(1, 0)
	if g.http2 {
		g.write = &watch{idle: idle, abort: func() { _ = g.control.SetWriteDeadline(past) }}
	}
	if r.Body == nil || r.Body == http.NoBody {
		return g
	}
	g.body = &guardedBody{from: r.Body, max: maxBody, left: maxBody, idle: idle}
	if g.http2 {
		g.body.watch = &watch{idle: idle, abort: func() { _ = g.control.SetReadDeadline(past) }}
		return g
	}
	g.body.control = g.control
	// Now already: what nobody reads is read by net/http, so that the connection
	// can be used again, and a client that announces a body and sends none would
	// hold it (CVE-2024-28869).
	g.body.renew()
	return g
}

// Unwrap lets [http.ResponseController] reach the rest.
func (g *guard) Unwrap() http.ResponseWriter { return g.ResponseWriter }

// WriteHeader says to a client whose body did not come whole that the connection
// ends here.
func (g *guard) WriteHeader(status int) {
	if status >= 200 && !g.http2 && g.body != nil && g.body.failed() {
		g.Header().Set("Connection", "close")
	}
	g.ResponseWriter.WriteHeader(status)
}

func (g *guard) Write(p []byte) (int, error) {
	if g.write != nil {
		g.write.begin()
		defer g.write.end()
	}
	return g.ResponseWriter.Write(p)
}

// FlushError is what [http.ResponseController.Flush] calls.
func (g *guard) FlushError() error {
	if g.write != nil {
		g.write.begin()
		defer g.write.end()
	}
	return g.control.Flush()
}

// EnableFullDuplex is remembered: with it, net/http writes an answer while the
// body is still being read, and does not look at what became of the body.
func (g *guard) EnableFullDuplex() error {
	g.fullDuplex = true
	return g.control.EnableFullDuplex()
}

// bothWays lets an answer begin before the body of its request has ended. It does
// nothing on a server that is not [Run]'s, where nobody would end the connection
// behind a broken body.
func bothWays(w http.ResponseWriter) {
	for {
		switch inner := w.(type) {
		case *guard:
			// Every writer of net/http can do it.
			_ = inner.EnableFullDuplex()
			return
		case interface{ Unwrap() http.ResponseWriter }:
			w = inner.Unwrap()
		default:
			return
		}
	}
}

// finish runs when the handler is done, whatever way it ends.
func (g *guard) finish() {
	whole := g.body == nil || g.body.finish()
	switch {
	case g.http2:
		// The last bytes are written after this, and may meet a closed window.
		_ = g.control.SetWriteDeadline(time.Now().Add(g.idle))
	case !whole && g.fullDuplex:
		endConnection(g.ResponseWriter)
	}
}

// endConnection has net/http close the connection behind this answer. In full
// duplex it would go on to read the rest of a broken body as the next request,
// which is how requests are smuggled. There is no plain call for it once the
// header is written; that a [http.MaxBytesReader] past its limit closes the
// connection is documented.
func endConnection(w http.ResponseWriter) {
	past := http.MaxBytesReader(w, io.NopCloser(strings.NewReader("x")), 0)
	_, _ = past.Read(make([]byte, 1))
}
