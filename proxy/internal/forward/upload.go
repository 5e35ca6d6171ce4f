package forward

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

// sending is a request's body that is being sent to the upstream. An upstream that takes
// nothing of it for too long ends the request: the timeout for the response's header
// begins only once the body is sent, and would never begin. Time spent waiting for the
// client does not count; package serve limits that.
type sending struct {
	io.ReadCloser
	wait    time.Duration
	abandon context.CancelCauseFunc

	mu    sync.Mutex
	timer *time.Timer
	done  bool
}

// send watches the body of out, if there is one. The caller must stop that once the response
// has begun or the round trip has failed.
func (u *Upstream) send(out *http.Request) (sent *http.Request, body *sending) {
	if out.Body == nil {
		return out, nil
	}
	ctx, abandon := context.WithCancelCause(out.Context())
	s := &sending{ReadCloser: out.Body, wait: u.wait, abandon: abandon}
	s.timer = time.AfterFunc(s.wait, func() { abandon(errUpstreamTakesNothing) })
	out.Body = s
	return out.WithContext(ctx), s
}

func (s *sending) Read(p []byte) (int, error) {
	s.mu.Lock()
	s.timer.Stop()
	s.mu.Unlock()
	n, err := s.ReadCloser.Read(p)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done = s.done || err != nil; !s.done {
		s.timer.Reset(s.wait)
	}
	return n, err
}

// stop ends the watch. s may be nil.
func (s *sending) stop() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done = true
	s.timer.Stop()
}

var errUpstreamTakesNothing error = stalledUpstream{errors.New("the upstream takes nothing of the request's body")}

// stalledUpstream is a timeout in the sense of [net.Error].
type stalledUpstream struct{ error }

func (stalledUpstream) Timeout() bool   { return true }
func (stalledUpstream) Temporary() bool { return false }
