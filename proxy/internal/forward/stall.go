package forward

import (
	"errors"
	"io"
	"sync/atomic"
	"time"
)

var errStalled = errors.New("the application stopped in the middle of its answer")

// stallWatch closes a response's body if nothing arrives for too long. Otherwise an
// application that hangs would keep the client and both connections for ever. Time spent
// waiting for the client does not count.
type stallWatch struct {
	w     io.Writer
	timer *time.Timer
	after time.Duration
	fired atomic.Bool
}

func newStallWatch(w io.Writer, body io.Closer, after time.Duration) *stallWatch {
	s := &stallWatch{w: w, after: after}
	s.timer = time.AfterFunc(after, func() {
		s.fired.Store(true)
		_ = body.Close() // which ends the read that waits
	})
	return s
}

// Write writes a piece; the wait for the next one begins when the client has it.
func (s *stallWatch) Write(p []byte) (int, error) {
	s.timer.Stop()
	n, err := s.w.Write(p)
	s.timer.Reset(s.after)
	return n, err
}

// end stops the watch and reports whether it has closed the body.
func (s *stallWatch) end() bool {
	s.timer.Stop()
	return s.fired.Load()
}
