package http1

import (
	"bytes"
	"io"
	"net/http"

	"github.com/clerkgate/clerkgate/internal/wire"
)

const (
	// maxChunkLine limits the line with a chunk's size and extensions.
	maxChunkLine = 1 << 10
	// maxTrailerBytes limits the trailer section, as net/http's buffer does.
	maxTrailerBytes = 4000
	// maxOverhead limits what surrounds the data, beyond the usual: 16 bytes for
	// each chunk and twice the data. It is net/http's protection against an upstream
	// that sends hardly any data and never ends.
	maxOverhead = 16 << 10
)

// chunkState is where reading a chunked body stands.
type chunkState struct {
	inside   bool // a chunk's line has been read, the end of its data has not
	overhead int64
}

// readChunked reads as many chunks into p as have arrived, and waits for the first
// only: one event of a stream must not wait for the next.
func (b *body) readChunked(p []byte) (n int, err error) {
	for n < len(p) {
		switch {
		case b.rest > 0:
			if n > 0 && b.c.r == b.c.w {
				return n, nil
			}
			m, err := b.c.read(p[n:], b.rest)
			n += m
			b.rest -= int64(m)
			if err != nil {
				return n, cutShort(err)
			}
		case b.chunk.inside:
			if n > 0 && b.c.w-b.c.r < 2 {
				return n, nil
			}
			if err := b.chunkEnd(); err != nil {
				return n, err
			}
		default:
			if n > 0 && bytes.IndexByte(b.c.in[b.c.r:b.c.w], '\n') < 0 {
				return n, nil
			}
			if err := b.chunkLine(); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

// chunkLine reads the line before a chunk. Behind the last one come the trailers
// and io.EOF.
func (b *body) chunkLine() error {
	line, err := b.c.line(maxChunkLine)
	if err != nil {
		return err
	}
	size, err := chunkSize(line)
	if err != nil {
		return err
	}
	b.chunk.overhead = max(0, b.chunk.overhead+int64(len(line))+4-16-2*size)
	if b.chunk.overhead > maxOverhead {
		return malformed("chunks with too little data")
	}
	if size == 0 {
		if err := b.readTrailer(); err != nil {
			return err
		}
		return io.EOF
	}
	b.rest, b.chunk.inside = size, true
	return nil
}

func (b *body) chunkEnd() error {
	for b.c.w-b.c.r < 2 {
		if err := b.c.fill(len(b.c.in)); err != nil {
			return cutShort(err)
		}
	}
	if b.c.in[b.c.r] != '\r' || b.c.in[b.c.r+1] != '\n' {
		return malformed("a chunk without an end")
	}
	b.c.r += 2
	b.chunk.inside = false
	return nil
}

// chunkSize reads a chunk's size in hexadecimal digits. White space may follow it,
// because old servers pad it; extensions, which nobody uses, are ignored.
func chunkSize(line []byte) (size int64, err error) {
	digits, extension, _ := bytes.Cut(line, []byte{';'})
	if !wire.IsValue(string(extension)) {
		return 0, malformed("control characters in a chunk's extension")
	}
	if len(digits) == len(line) {
		digits = bytes.TrimRight(digits, " \t")
	}
	if len(digits) == 0 || len(digits) > 15 { // 16 would not fit into an int64
		return 0, malformed("an invalid chunk size")
	}
	for _, c := range digits {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, malformed("an invalid chunk size")
		}
		size = size<<4 | int64(c)
	}
	return size, nil
}

// line returns the next line without its end, which must be CRLF: between chunks,
// accepting anything else lets two parsers find different ends (RFC 9112, erratum 7633). It is
// valid until the next read.
func (c *conn) line(limit int) ([]byte, error) {
	for {
		in := c.in[c.r:c.w]
		if i := bytes.IndexByte(in, '\n'); i >= 0 {
			if i < 1 || in[i-1] != '\r' || bytes.IndexByte(in[:i-1], '\r') >= 0 {
				return nil, malformed("a line in a chunked body that does not end in CRLF")
			}
			if i > limit {
				return nil, malformed("a line in a chunked body that is too long")
			}
			c.r += i + 1
			return in[:i-1], nil
		}
		if len(in) > limit {
			return nil, malformed("a line in a chunked body that is too long")
		}
		if err := c.fill(len(c.in)); err != nil {
			return nil, cutShort(err)
		}
	}
}

// readTrailer reads the trailer section into the response's Trailer.
func (b *body) readTrailer() error {
	trailer := b.res.Trailer
	for budget := maxTrailerBytes; ; {
		line, err := b.c.line(budget)
		if err != nil {
			return err
		}
		if len(line) == 0 {
			if len(trailer) > 0 {
				b.res.Trailer = trailer
			}
			return nil
		}
		budget -= len(line) + 2
		name, value, err := parseStrictField(string(line))
		if err != nil {
			return err
		}
		if frames(name) || name == "Host" {
			return malformed("a header that must not be a trailer")
		}
		if trailer == nil {
			trailer = make(http.Header)
		}
		trailer[name] = append(trailer[name], value)
	}
}
