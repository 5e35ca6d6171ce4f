package crossorigin

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
)

// responseWriter sets the policy's headers at the last moment, when those of a proxied
// response have been copied.
type responseWriter struct {
	http.ResponseWriter
	policy  headerOnly // nil if the request has no Origin
	applied bool
}

// Unwrap is for [http.ResponseController].
func (w *responseWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader sets the policy's headers and writes the header. Informational responses
// (1xx) are passed on as they are: browsers apply CORS to the final one.
func (w *responseWriter) WriteHeader(status int) {
	if status >= http.StatusOK || status == http.StatusSwitchingProtocols {
		w.apply()
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implies status 200 if no header was written.
func (w *responseWriter) Write(b []byte) (int, error) {
	w.apply()
	return w.ResponseWriter.Write(b)
}

// ReadFrom lets net/http copy from files and sockets without a buffer.
func (w *responseWriter) ReadFrom(r io.Reader) (int64, error) {
	w.apply()
	return io.Copy(w.ResponseWriter, r)
}

// FlushError implies status 200 if no header was written.
func (w *responseWriter) FlushError() error {
	w.apply()
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Flush is for handlers that use [http.Flusher].
func (w *responseWriter) Flush() { _ = w.FlushError() }

// Hijack is for handlers that use [http.Hijacker]. CORS does not apply to what they
// write.
func (w *responseWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(w.ResponseWriter).Hijack()
}

func (w *responseWriter) apply() {
	if w.applied {
		return
	}
	w.applied = true
	h := w.Header()
	for name := range h {
		if len(name) > len(prefix) && strings.EqualFold(name[:len(prefix)], prefix) {
			delete(h, name)
		}
	}
	for name, values := range w.policy {
		if name != "Vary" {
			h[name] = values
		}
	}
	if !variesByOrigin(h["Vary"]) {
		h["Vary"] = append(h["Vary"][:len(h["Vary"]):len(h["Vary"])], "Origin")
	}
}

const prefix = "Access-Control-"

// variesByOrigin reports whether Vary already names Origin, or everything.
func variesByOrigin(vary []string) bool {
	for _, line := range vary {
		for name := range strings.SplitSeq(line, ",") {
			if name = strings.Trim(name, " \t"); strings.EqualFold(name, "Origin") || name == "*" {
				return true
			}
		}
	}
	return false
}
