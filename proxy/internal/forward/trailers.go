package forward

import (
	"io"
	"net/http"

	"github.com/clerkgate/clerkgate/internal/wire"
)

// passTrailers prepares out to carry the trailers of in. Only names that in
// announced and that cannot be taken for identity, credentials or forwarding are
// announced again; servers that merge trailers into headers would believe them.
//
// Values arrive after the body, in the map of the request that the server made.
// They are copied when the body has been read to its end.
func passTrailers(in, out *http.Request) {
	if len(out.Trailer) == 0 {
		out.Trailer = nil
		return
	}
	wire.Delete(out.Trailer, wire.IsUnsafeTrailer)
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
