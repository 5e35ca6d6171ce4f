// Package logsink keeps a program running when its log cannot be written.
//
// A write to standard error blocks if it is a pipe that nobody reads, and fails if it
// is a file on a full disk. A server that logs while it handles a request would then
// stop responding. A [Sink] accepts lines without blocking: they wait in a bounded
// buffer until one goroutine has written them, many at a time. Lines that do not fit, or
// cannot be written, are dropped, and their number is logged as soon as the log can be
// written again.
package logsink

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// capacity bounds the buffer, in bytes. It holds the log of a busy server for a few
	// seconds.
	capacity = 1 << 20
	// chunk bounds one write in bytes, unless a single line is longer. A pipe accepts
	// that much atomically (PIPE_BUF on Linux), so that lines of several writers are not
	// mixed.
	chunk = 4096
	// pause is how long the first line waits for others. A busy server's lines share a
	// wake-up and a system call; people who follow the log notice no delay.
	pause = 20 * time.Millisecond
	// plenty ends the pause early, in bytes.
	plenty = capacity / 4
)

// Sink is an [io.Writer] for logs. Create one with [New]; all methods are safe for
// concurrent use.
type Sink struct {
	w       io.Writer
	begin   chan struct{} // of capacity 1; gets a value when lines begin to wait, and at the end
	hurry   chan struct{} // of capacity 1; gets a value to end the pause
	done    chan struct{} // closed when the last line has been written or dropped
	written atomic.Uint64
	dropped atomic.Uint64

	mu      sync.Mutex
	waiting []byte
	lost    int // lines dropped since the last notice
	notice  func(lines int) []byte
	closed  bool
}

// New returns a sink that writes to w. It starts a goroutine that runs until
// [Sink.Close].
func New(w io.Writer) *Sink {
	s := &Sink{w: w, begin: make(chan struct{}, 1), hurry: make(chan struct{}, 1), done: make(chan struct{}), notice: plainNotice}
	go s.run()
	return s
}

func plainNotice(lines int) []byte {
	return fmt.Appendf(nil, "log lines lost, because they could not be written: %d\n", lines)
}

// SetNotice sets the function that formats the notice about dropped lines, which is a
// line of plain text by default. It must return whole lines, or nothing for no notice.
// It is called by one goroutine at a time.
func (s *Sink) SetNotice(notice func(lines int) []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notice = notice
}

// Counts returns how many lines have been written, and how many were dropped, since the
// start. Notices do not count.
func (s *Sink) Counts() (written, lost uint64) { return s.written.Load(), s.dropped.Load() }

// Write accepts whole lines. It neither blocks nor fails: lines that do not fit are
// dropped and counted, and so are all lines after [Sink.Close].
func (s *Sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	before := len(s.waiting)
	if s.closed || before+len(p) > capacity {
		s.drop(countLines(p))
		s.mu.Unlock()
		return len(p), nil
	}
	s.waiting = append(s.waiting, p...)
	after := len(s.waiting)
	s.mu.Unlock()
	if before == 0 {
		signal(s.begin)
	}
	if before < plenty && after >= plenty {
		signal(s.hurry)
	}
	return len(p), nil
}

// drop counts lines that are not written. It is called with mu held.
func (s *Sink) drop(lines int) {
	s.lost += lines
	s.dropped.Add(uint64(lines)) //nolint:gosec // not negative
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // it has a value already
	}
}

// Close stops accepting lines, and waits until those accepted are written or ctx ends.
// In the latter case it returns ctx's error, and a write is still blocked.
func (s *Sink) Close(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	signal(s.begin)
	signal(s.hurry)
	select {
	case <-s.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run writes the waiting lines. It swaps two buffers, so that no caller waits for a write.
func (s *Sink) run() {
	defer close(s.done)
	timer := time.NewTimer(pause)
	var lines []byte
	for closed := false; !closed; {
		<-s.begin
		timer.Reset(pause)
		select {
		case <-timer.C:
		case <-s.hurry:
		}
		var (
			lost   int
			notice func(int) []byte
		)
		s.mu.Lock()
		lines, s.waiting = s.waiting, lines[:0]
		lost, s.lost = s.lost, 0
		notice, closed = s.notice, s.closed
		s.mu.Unlock()

		// The dropped lines came after those that waited, so the notice follows them.
		all := countLines(lines)
		failed := s.write(lines)
		s.written.Add(uint64(all - failed)) //nolint:gosec // not negative
		untold := lost > 0 && (failed > 0 || s.write(notice(lost)) > 0)
		s.mu.Lock()
		s.drop(failed)
		if untold {
			s.lost += lost // for a later notice
		}
		s.mu.Unlock()
	}
}

// write writes whole lines and returns how many it could not write.
func (s *Sink) write(lines []byte) (failed int) {
	for len(lines) > 0 {
		n := len(lines)
		if n > chunk {
			n = bytes.LastIndexByte(lines[:chunk], '\n') + 1
			if n == 0 { // one long line
				n = bytes.IndexByte(lines, '\n') + 1
			}
			if n == 0 { // no newline at the end
				n = len(lines)
			}
		}
		if written, err := s.w.Write(lines[:n]); err != nil {
			return countLines(lines[min(max(written, 0), n):])
		}
		lines = lines[n:]
	}
	return 0
}

// countLines counts the lines of p, including a last one without a newline.
func countLines(p []byte) int {
	n := bytes.Count(p, []byte("\n"))
	if len(p) > 0 && p[len(p)-1] != '\n' {
		n++
	}
	return n
}
