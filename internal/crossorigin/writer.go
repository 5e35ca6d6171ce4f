package crossorigin

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
)

// responseWriter puts the policy's headers in place at the last moment, when a
// proxied answer's own are already there.
type responseWriter struct {
	http.ResponseWriter
	policy  headerOnly // nil: no origin asked
	applied bool
}

// Unwrap serves [http.ResponseController].
func (w *responseWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader writes the header. Informational answers (1xx) pass as they are:
// browsers apply CORS to the final one.
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

// ReadFrom keeps the way open by which net/http copies files and sockets.
func (w *responseWriter) ReadFrom(r io.Reader) (int64, error) {
	w.apply()
	return io.Copy(w.ResponseWriter, r)
}

// FlushError implies status 200 if no header was written.
func (w *responseWriter) FlushError() error {
	w.apply()
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Flush serves handlers that look for [http.Flusher].
func (w *responseWriter) Flush() { _ = w.FlushError() }

// Hijack serves handlers that look for [http.Hijacker]. What is written then is
// no answer that CORS applies to.
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

// variesByOrigin reports whether the answer is already kept apart by origin.
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
