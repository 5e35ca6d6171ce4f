package serve

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"
)

// boundedWriter is the ResponseWriter of a request that needs more than [boundedConn]
// gives it: one with a body, or one of HTTP/2, where a client can stop a single
// stream by not opening its window.
type boundedWriter struct {
	http.ResponseWriter // as net/http made it
	control             *http.ResponseController
	http2               bool
	idle                time.Duration
	body                *boundedBody // nil when there is none
	write               *watch       // nil on HTTP/1
	fullDuplex          bool
}

func newBoundedWriter(w http.ResponseWriter, r *http.Request, idle time.Duration, maxBody int64) *boundedWriter {
	bw := &boundedWriter{ResponseWriter: w, control: http.NewResponseController(w), http2: r.ProtoMajor > 1, idle: idle}
	past := time.Unix(1, 0)
	if bw.http2 {
		bw.write = &watch{idle: idle, abort: func() { _ = bw.control.SetWriteDeadline(past) }}
	}
	if r.Body == nil || r.Body == http.NoBody {
		return bw
	}
	bw.body = &boundedBody{from: r.Body, max: maxBody, left: maxBody, idle: idle}
	if bw.http2 {
		bw.body.watch = &watch{idle: idle, abort: func() { _ = bw.control.SetReadDeadline(past) }}
		return bw
	}
	bw.body.control = bw.control
	// Now already: what nobody reads is read by net/http, so that the connection
	// can be used again, and a client that announces a body and sends none would
	// hold it (CVE-2024-28869).
	bw.body.renew()
	return bw
}

// Unwrap lets [http.ResponseController] reach the rest.
func (bw *boundedWriter) Unwrap() http.ResponseWriter { return bw.ResponseWriter }

// WriteHeader says to a client whose body did not come whole that the connection
// ends here.
func (bw *boundedWriter) WriteHeader(status int) {
	if status >= 200 && !bw.http2 && bw.body != nil && bw.body.failed() {
		bw.Header().Set("Connection", "close")
	}
	bw.ResponseWriter.WriteHeader(status)
}

func (bw *boundedWriter) Write(p []byte) (int, error) {
	if bw.write != nil {
		bw.write.begin()
		defer bw.write.end()
	}
	return bw.ResponseWriter.Write(p)
}

// FlushError is what [http.ResponseController.Flush] calls.
func (bw *boundedWriter) FlushError() error {
	if bw.write != nil {
		bw.write.begin()
		defer bw.write.end()
	}
	return bw.control.Flush()
}

// EnableFullDuplex is remembered: with it, net/http writes an answer while the
// body is still being read, and does not look at what became of the body.
func (bw *boundedWriter) EnableFullDuplex() error {
	bw.fullDuplex = true
	return bw.control.EnableFullDuplex()
}

// BothWays lets the answer begin before the body of the request has ended. A
// handler finds it by unwrapping its ResponseWriter; on another server, where nobody
// would end the connection behind a broken body, it finds none.
func (bw *boundedWriter) BothWays() {
	_ = bw.EnableFullDuplex() // every writer of net/http can do it
}

// finish runs when the handler is done, whatever way it ends. ctx is of the request.
func (bw *boundedWriter) finish(ctx context.Context) {
	whole := bw.body == nil || bw.body.finish()
	if !whole && !bw.http2 && !errors.Is(bw.body.problem(), errStalled) {
		linger(ctx)
	}
	switch {
	case bw.http2:
		// The last bytes are written after this, and may meet a closed window.
		_ = bw.control.SetWriteDeadline(time.Now().Add(bw.idle))
	case !whole && bw.fullDuplex:
		endConnection(bw.ResponseWriter)
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
