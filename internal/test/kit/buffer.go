package kit

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"
)

// Buffer is a [bytes.Buffer] for several goroutines, such as the log of a server.
// Its zero value is empty and ready to use; it must not be copied.
type Buffer struct {
	mu      sync.Mutex
	b       bytes.Buffer
	written chan struct{} // closed by the next Write; nil when nobody waits
}

// Write appends p; the error is always nil.
func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.written != nil {
		close(b.written)
		b.written = nil
	}
	return b.b.Write(p)
}

// String returns all that was written.
func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// Await returns once words have been written, and ends the test when they do not
// come within [Patience].
func (b *Buffer) Await(t testing.TB, words string) {
	t.Helper()
	late := time.NewTimer(Patience)
	defer late.Stop()
	for {
		b.mu.Lock()
		text := b.b.String()
		if b.written == nil {
			b.written = make(chan struct{})
		}
		written := b.written
		b.mu.Unlock()
		if strings.Contains(text, words) {
			return
		}
		select {
		case <-written:
		case <-late.C:
			t.Fatalf("nobody wrote %q, but:\n%s", words, text)
		}
	}
}

// WriterFunc is an [io.Writer] made of a function.
type WriterFunc func([]byte) (int, error)

// Write calls f.
func (f WriterFunc) Write(p []byte) (int, error) { return f(p) }
