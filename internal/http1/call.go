package http1

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
)

const (
	// maxInline is the largest body that is sent together with the header, if it can
	// be read without waiting.
	maxInline = 16 << 10
	// maxKeptHead is the largest buffer for requests that is used again.
	maxKeptHead = 32 << 10
)

// call is a request that is being sent: checked and encoded, so that it can be sent
// again unchanged.
type call struct {
	req     *http.Request
	out     []byte        // the header, and the body if it could be read at once
	body    io.ReadCloser // to be sent behind out; nil if there is none
	length  int64         // of the body, -1: chunked
	trailer bool          // follows the body
	close   bool          // "Connection: close" was asked for
	expect  bool          // the body waits for 100 Continue

	informer Informer // nil for none

	// handedOver says that the request's body is closed elsewhere, or has been.
	handedOver bool
}

func (cl *call) reset() {
	out := cl.out[:0]
	if cap(out) > maxKeptHead {
		out = nil
	}
	*cl = call{out: out}
}

// prepare checks req and writes it out.
func (cl *call) prepare(ctx context.Context, req *http.Request) error {
	cl.req = req
	if err := checkTarget(req); err != nil {
		return err
	}
	if err := cl.measure(ctx); err != nil {
		return err
	}
	if err := cl.writeHead(); err != nil {
		return err
	}
	if cl.atRest() {
		return cl.inline()
	}
	return nil
}

// measure finds the length of the body, and whether there is one.
func (cl *call) measure(ctx context.Context) error {
	req := cl.req
	chunked, err := asksForChunks(req.TransferEncoding)
	switch {
	case err != nil:
		return err
	case cl.body == nil && req.ContentLength > 0:
		return invalid("a Content-Length without a body")
	case req.ContentLength < -1:
		return invalid("a negative Content-Length")
	case cl.body == nil || cl.body == http.NoBody:
		cl.body, cl.length = nil, 0
	case chunked || req.ContentLength <= 0: // 0 with a body means not known
		cl.length = -1
		if !chunked && usuallyBare(req.Method) {
			return cl.firstBytes(ctx)
		}
	default:
		cl.length = req.ContentLength
	}
	return nil
}

func asksForChunks(codings []string) (bool, error) {
	switch {
	case len(codings) == 0:
		return false, nil
	case len(codings) == 1 && codings[0] == "chunked":
		return true, nil
	}
	return false, invalid("a transfer coding other than chunked")
}

// atRest reports whether the body can be read without waiting: a request with GetBody has
// all of it. It is then sent together with the header, without another goroutine.
func (cl *call) atRest() bool {
	return cl.body != nil && cl.req.GetBody != nil && !cl.expect && cl.length > 0 && cl.length <= maxInline
}

func (cl *call) inline() error {
	start := len(cl.out)
	cl.out = append(cl.out, make([]byte, cl.length)...)
	_, err := io.ReadFull(cl.body, cl.out[start:])
	if err == nil {
		err = atEnd(cl.body)
	}
	cl.handedOver = true
	if closeErr := cl.body.Close(); err == nil {
		err = closeErr
	}
	cl.body = nil
	if err != nil {
		return fmt.Errorf("http1: request body: %w", err)
	}
	return nil
}

// atEnd returns an error unless r has nothing more.
func atEnd(r io.Reader) error {
	var b [1]byte
	for {
		switch n, err := r.Read(b[:]); {
		case n > 0:
			return invalid("the body is longer than Content-Length")
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// idempotent reports whether the request does no harm when it arrives twice, and can
// be sent twice. It is net/http's rule.
func (cl *call) idempotent() bool {
	if cl.body != nil && cl.req.GetBody == nil {
		return false
	}
	switch cl.req.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	_, key := cl.req.Header["Idempotency-Key"]
	_, xKey := cl.req.Header["X-Idempotency-Key"]
	return key || xKey
}

// rewind makes the body ready to be sent once more, if anybody has had it.
func (cl *call) rewind() error {
	if cl.body == nil || !cl.handedOver {
		return nil
	}
	body, err := cl.req.GetBody()
	if err != nil {
		return fmt.Errorf("http1: request body once more: %w", err)
	}
	cl.body, cl.handedOver = body, false
	return nil
}
