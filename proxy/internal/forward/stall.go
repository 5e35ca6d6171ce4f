package forward

import (
	"errors"
	"io"
	"sync/atomic"
	"time"
)

var errStalled = errors.New("the application stopped in the middle of its answer")

// stallWatch closes an answer's body when nothing comes for too long: whatever holds the
// application up would hold the client, its connection and ours for ever. Time spent
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

// Write passes a piece on; the wait for the next begins when the client has it.
func (s *stallWatch) Write(p []byte) (int, error) {
	s.timer.Stop()
	n, err := s.w.Write(p)
	s.timer.Reset(s.after)
	return n, err
}

// end stops the watch and says whether it has closed the body.
func (s *stallWatch) end() bool {
	s.timer.Stop()
	return s.fired.Load()
}
