package forward

import (
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/clerkgate/clerkgate/internal/wire"
	"github.com/clerkgate/clerkgate/proxy/internal/answer"
)

// respond writes the application's answer to the client.
func (u *Upstream) respond(w http.ResponseWriter, r *Request, res *http.Response, o *answer.Outcome) {
	defer res.Body.Close()
	copyHeader(w.Header(), res, r.NoStore)
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
		o.Err = err
		if r.In.Context().Value(http.ServerContextKey) != nil {
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

// copyHeader adds the upstream's headers to those that clerkgate has set.
// What carries Clerk's cookies must not become cacheable: a cache would hand one
// person's session to another.
func copyHeader(h http.Header, res *http.Response, noStore bool) {
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
	if noStore {
		wire.ForbidCaching(h)
	}
}

// copyBody passes the body on. What has no known length is a stream, and each
// piece of it goes out at once.
func (u *Upstream) copyBody(w http.ResponseWriter, res *http.Response) error {
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
