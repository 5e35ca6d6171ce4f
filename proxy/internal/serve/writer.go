package serve

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"
)

// boundedWriter is the ResponseWriter of a request for which [boundedConn] is not
// enough: one with a body, or one over HTTP/2, where a client can block a single stream
// by not opening its window.
type boundedWriter struct {
	http.ResponseWriter // of net/http
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
	// Set the deadline before the first read: net/http reads what the handler leaves, and
	// a client that announces a body and sends none would hold the connection
	// (CVE-2024-28869).
	bw.body.renew()
	return bw
}

// Unwrap returns the ResponseWriter of net/http, for [http.ResponseController].
func (bw *boundedWriter) Unwrap() http.ResponseWriter { return bw.ResponseWriter }

// WriteHeader announces the end of the connection if the body could not be read whole.
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

// EnableFullDuplex is recorded, because it makes net/http ignore whether the body was
// read whole; see finish.
func (bw *boundedWriter) EnableFullDuplex() error {
	bw.fullDuplex = true
	return bw.control.EnableFullDuplex()
}

// BothWays lets the response begin before the body of the request has ended. A handler
// finds it by unwrapping its ResponseWriter. Other servers do not have it, because they
// would not end the connection after a broken body.
func (bw *boundedWriter) BothWays() {
	_ = bw.EnableFullDuplex() // every ResponseWriter of net/http supports it
}

// finish is called when the handler has returned or panicked. ctx is the request's.
func (bw *boundedWriter) finish(ctx context.Context) {
	whole := bw.body == nil || bw.body.finish()
	if !whole && !bw.http2 && !errors.Is(bw.body.problem(), errStalled) {
		linger(ctx)
	}
	switch {
	case bw.http2:
		// The last bytes are written after this, and the client's window may be closed.
		_ = bw.control.SetWriteDeadline(time.Now().Add(bw.idle))
	case !whole && bw.fullDuplex:
		endConnection(bw.ResponseWriter)
	}
}

// endConnection makes net/http close the connection after this response. In full duplex
// mode it would otherwise read the rest of a broken body as the next request, which
// allows request smuggling. Once the header is written there is no direct call for it,
// but a [http.MaxBytesReader] that exceeds its limit is documented to close the
// connection.
func endConnection(w http.ResponseWriter) {
	past := http.MaxBytesReader(w, io.NopCloser(strings.NewReader("x")), 0)
	_, _ = past.Read(make([]byte, 1))
}
