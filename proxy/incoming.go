package proxy

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"sync"

	"github.com/clerkgate/clerkgate/internal/wire"
)

// answer writes the upstream's answer to the client.
func (u *upstream) answer(w http.ResponseWriter, r *http.Request, res *http.Response, ps *passage) {
	defer res.Body.Close()
	copyAnswerHeader(w.Header(), res, ps)
	announced := len(res.Trailer)
	if announced > 0 {
		names := make([]string, 0, announced)
		for name := range res.Trailer {
			names = append(names, name)
		}
		w.Header().Add("Trailer", strings.Join(names, ", "))
	}
	w.WriteHeader(res.StatusCode)

	if err := u.copyBody(w, res); err != nil {
		ps.outcome.Err = err
		if r.Context().Value(http.ServerContextKey) != nil {
			// Half an answer must not look like a whole one: this cuts the connection.
			panic(http.ErrAbortHandler)
		}
		return
	}
	_ = res.Body.Close() // the trailers are complete now
	if len(res.Trailer) == 0 {
		return
	}
	// An answer with trailers must be chunked, which the server knows once it is
	// flushed.
	_ = http.NewResponseController(w).Flush()
	prefix := ""
	if len(res.Trailer) != announced {
		prefix = http.TrailerPrefix // some came that were not announced
	}
	for name, values := range res.Trailer {
		for _, value := range values {
			w.Header().Add(prefix+name, value)
		}
	}
}

// copyAnswerHeader adds the upstream's headers to those that clerkgate has set.
// What carries Clerk's cookies must not become cacheable: a cache would hand one
// person's session to another.
func copyAnswerHeader(h http.Header, res *http.Response, ps *passage) {
	listed := res.Header["Connection"]
	for name, values := range res.Header {
		switch {
		case wire.IsHopByHop(name) || wire.HasToken(listed, name):
		case h[name] == nil:
			h[name] = values
		default:
			h[name] = append(h[name][:len(h[name]):len(h[name])], values...)
		}
	}
	if ps.state != nil && setsCookies(ps.state) {
		wire.ForbidCaching(h)
	}
}

// copyBody passes the body on. What has no known length is a stream, and each
// piece of it goes out at once.
func (u *upstream) copyBody(w http.ResponseWriter, res *http.Response) error {
	if res.ContentLength == 0 || res.Body == http.NoBody {
		return nil
	}
	if res.ContentLength < 0 || isEventStream(res.Header) {
		controller := http.NewResponseController(w)
		if err := controller.Flush(); err != nil { // the header, before anything comes
			return err
		}
		return relay(&flushing{w: w, controller: controller}, res.Body)
	}
	if body, ok := res.Body.(io.WriterTo); ok { // what has come already needs no copy
		_, err := body.WriteTo(w)
		return err
	}
	buffer := u.buffers.get()
	defer u.buffers.put(buffer)
	for {
		n, err := res.Body.Read(buffer[:])
		if n > 0 {
			if _, err := w.Write(buffer[:n]); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

func isEventStream(h http.Header) bool {
	values := h["Content-Type"]
	const kind = "text/event-stream"
	if len(values) == 0 || len(values[0]) < len(kind) || !strings.EqualFold(values[0][:len(kind)], kind) {
		return false
	}
	rest := strings.TrimLeft(values[0][len(kind):], " \t")
	return rest == "" || rest[0] == ';'
}

// flushing sends each piece on as it comes.
type flushing struct {
	w          io.Writer
	controller *http.ResponseController
}

func (f *flushing) Write(p []byte) (int, error) {
	n, err := f.w.Write(p)
	if err == nil {
		err = f.controller.Flush()
	}
	return n, err
}

// informational passes 1xx answers on while a round trip is under way.
type informational struct {
	w       http.ResponseWriter
	mu      sync.Mutex
	stopped bool
}

// watch returns r with a trace that sees 1xx answers.
func (i *informational) watch(r *http.Request) *http.Request {
	trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
		i.mu.Lock()
		defer i.mu.Unlock()
		if !i.stopped {
			i.Inform(code, http.Header(h))
		}
		return nil
	}}
	return r.WithContext(httptrace.WithClientTrace(r.Context(), trace))
}

// Inform sends one 1xx answer with its own headers alone: what clerkgate has set,
// cookies above all, belongs to the final answer.
func (i *informational) Inform(code int, header http.Header) {
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

// stop ends it: a transport may call its trace late.
func (i *informational) stop() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.stopped = true
}
