package forward

import (
	"errors"
	"io"
	"net/http"
	"sync"
)

// The sizes of a relay's buffers, in bytes. There may be many connections, most of them
// silent most of the time: only one with much data gets the large buffer.
const (
	smallRelayBuffer = 2 << 10
	largeRelayBuffer = 32 << 10
)

// relay copies until src ends.
func relay(dst io.Writer, src io.Reader) error {
	small := make([]byte, smallRelayBuffer)
	buffer := small
	for {
		n, err := src.Read(buffer)
		if n > 0 {
			if _, err := dst.Write(buffer[:n]); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case n == smallRelayBuffer && len(buffer) == smallRelayBuffer:
			buffer = make([]byte, largeRelayBuffer)
		case n <= smallRelayBuffer:
			buffer = small
		}
	}
}

// flushing flushes each piece as it arrives.
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

// copyBufferSize is the size of a buffer for bodies of known length, in bytes.
const copyBufferSize = 32 << 10

// bufferPool reuses buffers for bodies.
type bufferPool struct{ pool sync.Pool }

func (b *bufferPool) get() *[copyBufferSize]byte {
	if buffer, ok := b.pool.Get().(*[copyBufferSize]byte); ok {
		return buffer
	}
	return new([copyBufferSize]byte)
}

func (b *bufferPool) put(buffer *[copyBufferSize]byte) { b.pool.Put(buffer) }
