package forward

import (
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/clerkgate/clerkgate/internal/wire"
	"github.com/clerkgate/clerkgate/proxy/internal/answer"
)

// respond writes the application's response to the client.
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
	lasting := r.watchResponse(res)
	defer lasting.over()
	w.WriteHeader(res.StatusCode)
	err := u.copyBody(w, res)
	if why := lasting.over(); why != 0 && err != nil {
		o.Err = errSessionEnded
		r.endResponse(w, lasting, why)
		return
	}
	if err != nil {
		o.Err = err
		abort(r.In)
		return
	}
	_ = res.Body.Close() // the trailers are complete now
	if len(res.Trailer) == 0 {
		return
	}
	// A response with trailers must be chunked, which the server knows once it is
	// flushed.
	_ = http.NewResponseController(w).Flush()
	prefix := ""
	if len(res.Trailer) != announced {
		prefix = http.TrailerPrefix // some were not announced
	}
	for name, values := range res.Trailer {
		for _, value := range values {
			w.Header().Add(prefix+name, value)
		}
	}
}

// abort cuts a response short. Half a response must not look like a whole one: this closes
// the connection.
func abort(in *http.Request) {
	if in.Context().Value(http.ServerContextKey) != nil {
		panic(http.ErrAbortHandler)
	}
}

// copyHeader adds the upstream's headers to those that clerkgate has set.
// A response with Clerk's cookies must not become cacheable: a cache would hand one
// person's session to another.
func copyHeader(h http.Header, res *http.Response, noStore bool) {
	listed := res.Header["Connection"]
	for name, values := range res.Header {
		switch {
		case wire.IsHopByHop(name) || wire.HasToken(listed, name):
		case h[name] == nil:
			h[name] = values
		case name == "X-Request-Id": // the application repeats the one that it got, if it sends any
		case name == "Vary":
			h[name] = wire.MergeVary(values, h[name])
		default:
			h[name] = append(h[name][:len(h[name]):len(h[name])], values...)
		}
	}
	if _, ok := h["Content-Type"]; !ok {
		// Without this net/http guesses a type from the body, even where the application
		// forbids guessing: an upload that begins like HTML would run as a page.
		h["Content-Type"] = nil
	}
	if noStore {
		wire.ForbidCaching(h)
	}
}

// copyBody copies the body. A body of unknown length is a stream, and each piece of it is
// flushed at once.
func (u *Upstream) copyBody(w http.ResponseWriter, res *http.Response) error {
	if res.ContentLength == 0 || res.Body == http.NoBody {
		return nil
	}
	if body, ok := res.Body.(interface{ Arrived() bool }); ok && body.Arrived() {
		_, err := io.Copy(w, res.Body) // by its WriteTo, which writes from the buffer
		return err
	}
	pieces := io.Writer(w)
	if res.ContentLength < 0 || isEventStream(res.Header) {
		controller := http.NewResponseController(w)
		if err := controller.Flush(); err != nil { // the header, before the first piece
			return err
		}
		pieces = &flushing{w: w, controller: controller}
	}
	if mayBeSilent(res.Header) {
		return u.copyPieces(pieces, res)
	}
	stalling := newStallWatch(pieces, res.Body, u.stall)
	err := u.copyPieces(stalling, res)
	if stalling.end() {
		return errStalled
	}
	return err
}

func (u *Upstream) copyPieces(w io.Writer, res *http.Response) error {
	if res.ContentLength < 0 || isEventStream(res.Header) {
		return relay(w, res.Body)
	}
	if body, ok := res.Body.(io.WriterTo); ok {
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

// mayBeSilent reports whether a response may pause for any length of time, as event
// streams and gRPC streams do.
func mayBeSilent(h http.Header) bool {
	return isEventStream(h) || hasMediaType(h, "application/grpc")
}

func isEventStream(h http.Header) bool { return hasMediaType(h, "text/event-stream") }

// hasMediaType reports whether a response has a media type, given in lower case, or one
// that continues its name with a plus sign.
func hasMediaType(h http.Header, kind string) bool {
	values := h["Content-Type"]
	if len(values) == 0 || len(values[0]) < len(kind) || !strings.EqualFold(values[0][:len(kind)], kind) {
		return false
	}
	rest := strings.TrimLeft(values[0][len(kind):], " \t")
	return rest == "" || rest[0] == ';' || rest[0] == '+'
}
