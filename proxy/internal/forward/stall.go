package forward

import (
	"errors"
	"io"
	"sync/atomic"
	"time"
)

// stallAfter is how long an application may send nothing in the middle of an answer.
// Without an end, whatever holds it up would hold the client, its connection and
// ours for ever.
const stallAfter = 5 * time.Minute

var errStalled = errors.New("the application stopped in the middle of its answer")

// stallWatch closes an answer's body when nothing comes for too long. Time in which
// the client is what is waited for does not count.
type stallWatch struct {
	w     io.Writer
	timer *time.Timer
	fired atomic.Bool
}

func newStallWatch(w io.Writer, body io.Closer) *stallWatch {
	s := &stallWatch{w: w}
	s.timer = time.AfterFunc(stallAfter, func() {
		s.fired.Store(true)
		_ = body.Close() // which ends the read that waits
	})
	return s
}

// Write passes a piece on; the wait for the next begins when the client has it.
func (s *stallWatch) Write(p []byte) (int, error) {
	s.timer.Stop()
	n, err := s.w.Write(p)
	s.timer.Reset(stallAfter)
	return n, err
}

// end stops the watch and says whether it has closed the body.
func (s *stallWatch) end() bool {
	s.timer.Stop()
	return s.fired.Load()
}
