package middleware

import (
	"bufio"
	"net"
	"net/http"
	"slices"

	"github.com/clerkgate/clerkgate/internal/wire"
)

// Writer returns the writer for the application's answer, once [Authenticator.Answer] has not
// written one. The state's headers are set on w, but for Clerk's cookies: these are
// added when the answer's header is written through the returned writer, in the step
// that forbids caching it. So they never go without no-store, even where a framework
// holds on to w, and they are lost there.
//
// The answer depends on who is behind the request, so that it varies by Cookie and
// Authorization. An application with more to say adds to Vary: setting it would take
// that away.
func (s *State) Writer(w http.ResponseWriter) http.ResponseWriter {
	h, cookies := w.Header(), s.Header["Set-Cookie"]
	for name, values := range s.Header {
		if name != "Set-Cookie" {
			h[name] = values
		}
	}
	s.vary[0] = "Cookie, Authorization"
	h["Vary"] = wire.MergeVary(h["Vary"], s.vary[:])
	if len(cookies) == 0 {
		return w
	}
	return &cookieWriter{ResponseWriter: w, cookies: cookies}
}

// cookieWriter sends Clerk's cookies, and Cache-Control: no-store with them.
type cookieWriter struct {
	http.ResponseWriter
	cookies []string // nil once they are in the header
	wrote   bool
}

// Unwrap lets http.ResponseController reach the writer below.
func (w *cookieWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader implements [http.ResponseWriter]. Cookies belong to the final answer, and
// to a switch of protocols.
func (w *cookieWriter) WriteHeader(code int) {
	if code >= http.StatusOK || code == http.StatusSwitchingProtocols {
		w.final()
	}
	w.ResponseWriter.WriteHeader(code)
}

func (w *cookieWriter) Write(p []byte) (int, error) {
	w.final()
	return w.ResponseWriter.Write(p)
}

// FlushError sends the header if the application has not yet.
func (w *cookieWriter) FlushError() error {
	w.final()
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Flush is for handlers that use [http.Flusher].
func (w *cookieWriter) Flush() { _ = w.FlushError() }

// Hijack is for frameworks that take every writer for an [http.Hijacker]. Whoever writes
// the header on the connection finds the cookies in it.
func (w *cookieWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	w.final()
	return http.NewResponseController(w.ResponseWriter).Hijack()
}

// CloseNotify is for frameworks that take every writer for an [http.CloseNotifier], as
// Gin's streams do. Without one below, it never notifies.
func (w *cookieWriter) CloseNotify() <-chan bool {
	below := w.ResponseWriter
	for {
		//lint:ignore SA1019 frameworks assert it, see above
		if notifier, ok := below.(http.CloseNotifier); ok { //nolint:staticcheck // see above
			return notifier.CloseNotify()
		}
		wrapped, ok := below.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return make(chan bool)
		}
		below = wrapped.Unwrap()
	}
}

// final is what must happen before the header is written.
func (w *cookieWriter) final() {
	w.seal()
	w.wrote = true
}

// seal completes the header. The application's own cookies stay behind Clerk's: the last
// of a name counts, and an application may remove a session.
func (w *cookieWriter) seal() {
	if w.wrote {
		return
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	if w.cookies != nil {
		h["Set-Cookie"] = slices.Concat(w.cookies, h["Set-Cookie"])
		w.cookies = nil
	}
}
