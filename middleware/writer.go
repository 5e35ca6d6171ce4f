package middleware

import (
	"bufio"
	"net"
	"net/http"
	"slices"

	"github.com/clerkgate/clerkgate/internal/wire"
)

// Writer returns the writer for the application's response, for use after
// [Authenticator.Answer] has returned false. It sets the state's headers on w, except for
// Clerk's cookies: these are added together with Cache-Control: no-store when the header is
// written through the returned writer. So they are never sent without no-store; if a
// framework writes to w directly, they are not sent at all.
//
// The response depends on who is behind the request, so that Vary names Cookie and
// Authorization. An application with further names must add them to Vary rather than set
// it.
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

// Hijack is for frameworks that assume that every writer is an [http.Hijacker]. The cookies
// are in the header for whoever writes it on the connection.
func (w *cookieWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	w.final()
	return http.NewResponseController(w.ResponseWriter).Hijack()
}

// CloseNotify is for frameworks that assume that every writer is an [http.CloseNotifier],
// as Gin does for streams. If the writer below is none, the channel never receives.
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

// final completes the header before it is written.
func (w *cookieWriter) final() {
	w.seal()
	w.wrote = true
}

// seal completes the header. The application's own cookies come after Clerk's, because the
// last one of a name counts, and an application may remove a session.
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
