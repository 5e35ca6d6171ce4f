package forward

import (
	"io"
	"net/http"

	"github.com/clerkgate/clerkgate/internal/wire"
)

// passTrailers prepares out to carry the trailers of in. Only trailers that in announced
// and that no application believes are passed on: servers that merge trailers into
// headers would take them for identity, credentials or forwarding. That holds for trusted
// proxies too.
//
// Values arrive after the body, in the map of the request that the server made.
// They are copied when the body has been read to its end.
func passTrailers(in, out *http.Request, filter *wire.Filter) {
	if len(in.Trailer) == 0 {
		out.Trailer = nil
		return
	}
	out.Trailer = in.Trailer.Clone()
	wire.Delete(out.Trailer, func(name string) bool { return wire.IsUnsafeTrailer(name) || !filter.Passes(name, false) })
	if len(out.Trailer) == 0 || out.Body == nil {
		out.Trailer = nil
		return
	}
	out.Body = &trailerBody{ReadCloser: out.Body, from: in.Trailer, to: out.Trailer}
}

// trailerBody copies trailers at the end of a body. The transport writes its
// request's trailers after it has seen that end, on the same goroutine.
type trailerBody struct {
	io.ReadCloser
	from, to http.Header
}

func (b *trailerBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		for name := range b.to {
			b.to[name] = b.from[name]
		}
	}
	return n, err
}
