// Package logsink keeps a program running whatever becomes of its log.
//
// A write to standard error blocks while it is a pipe that nobody reads, and fails
// while it is a file on a full disk. A server that logs in the course of a request
// would then stop answering. A [Sink] takes lines without ever waiting: they stand in
// a bounded buffer until one goroutine has written them. Lines that find it full, or
// that can't be written, are lost; how many is told in the log itself as soon as it
// can be written again.
package logsink

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"
)

const (
	// capacity bounds the lines that wait, in bytes: some seconds' worth of a busy
	// server's log.
	capacity = 1 << 20
	// chunk bounds one write, unless a single line is longer. It is what a pipe takes in
	// one piece (PIPE_BUF on Linux), so that lines of several writers stay whole.
	chunk = 4096
)

// Sink is an [io.Writer] for logs. Make one with [New]; all methods are safe for
// concurrent use.
type Sink struct {
	w    io.Writer
	done chan struct{} // closed when the last line was written, or lost

	mu      sync.Mutex
	changed sync.Cond // waiting or closed changed
	waiting []byte
	lost    int // lines, since the last notice
	notice  func(lines int) []byte
	closed  bool
}

// New returns a sink whose lines are written to w, by a goroutine that runs until
// [Sink.Close].
func New(w io.Writer) *Sink {
	s := &Sink{w: w, done: make(chan struct{}), notice: plainNotice}
	s.changed.L = &s.mu
	go s.run()
	return s
}

func plainNotice(lines int) []byte {
	return fmt.Appendf(nil, "log lines lost, because they could not be written: %d\n", lines)
}

// SetNotice sets how the log tells that lines were lost; the default is a line of
// plain text. notice returns whole lines, or nothing to stay silent. It is called by
// one goroutine at a time.
func (s *Sink) SetNotice(notice func(lines int) []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notice = notice
}

// Write takes whole lines. It neither waits nor fails: what finds no room is counted
// as lost, like everything after [Sink.Close].
func (s *Sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.waiting)+len(p) > capacity {
		s.lost += countLines(p)
		return len(p), nil
	}
	s.waiting = append(s.waiting, p...)
	s.changed.Signal()
	return len(p), nil
}

// Close takes no more lines, and waits until those taken are written or ctx ends.
// The error is ctx's: then a writer still hangs.
func (s *Sink) Close(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	s.changed.Signal()
	s.mu.Unlock()
	select {
	case <-s.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run writes what waits. Two buffers take turns, so that nobody waits for a write.
func (s *Sink) run() {
	defer close(s.done)
	var lines []byte
	for closed := false; !closed; {
		var (
			lost   int
			notice func(int) []byte
		)
		s.mu.Lock()
		for len(s.waiting) == 0 && !s.closed {
			s.changed.Wait()
		}
		lines, s.waiting = s.waiting, lines[:0]
		lost, s.lost = s.lost, 0
		notice, closed = s.notice, s.closed
		s.mu.Unlock()

		// What was lost came after what waited: there was no room for it.
		if failed := s.write(lines); failed > 0 || lost > 0 && s.write(notice(lost)) > 0 {
			s.mu.Lock()
			s.lost += failed + lost // for a later notice
			s.mu.Unlock()
		}
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
			if n == 0 { // without an end
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

// countLines counts a last line without an end too.
func countLines(p []byte) int {
	n := bytes.Count(p, []byte("\n"))
	if len(p) > 0 && p[len(p)-1] != '\n' {
		n++
	}
	return n
}
