package forward

import (
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Watcher is told of requests that last, so that they can be ended.
type Watcher interface {
	// Watch is called when a request has turned out to last: before the client has the
	// header of a WebSocket or an event stream, and after [lastsAfter] for others. end ends
	// it. It may be called once, on any other goroutine, and must have returned when done
	// returns, which is called when the request is over.
	Watch(kind Kind, end func(Ending)) (done func())
}

// Kind is why a request lasts.
type Kind string

// The kinds of requests that last. Responses of a known length, such as downloads, are not
// among them: they go on until they are complete.
const (
	WebSocket   Kind = "websocket"
	EventStream Kind = "events"
	GRPC        Kind = "grpc"
	Response    Kind = "response" // of unknown length
	Upload      Kind = "upload"   // of unknown length
)

// Ending is why a request must end.
type Ending uint32

const (
	// SessionEnded means that the client must not go on.
	SessionEnded Ending = iota + 1
	// TokenStale means that the client has to begin anew, with a new token.
	TokenStale
)

// lastsAfter is after which time a request lasts, if it is not of a kind that always does.
// Most are over by then, and cost no more than a timer.
const lastsAfter = time.Second

var errSessionEnded = errors.New("ended, because the session has ended or its token must be renewed")

// lasting is a request that its watcher may end.
type lasting struct {
	kind    Kind
	watcher Watcher
	cut     func(Ending)
	why     atomic.Uint32 // an Ending, once it is ended

	mu    sync.Mutex
	timer *time.Timer // nil if it lasts from the beginning
	done  func()      // of the watcher; nil until it is told
	ended bool
}

// watchUpload watches a request while its body is being sent. It returns nil if that cannot
// last, or may.
func (r *Request) watchUpload(w http.ResponseWriter, body *sending) *lasting {
	if body == nil || r.Watcher == nil || r.In.ContentLength >= 0 {
		return nil
	}
	return r.watch(Upload, func(Ending) {
		body.abandon(errSessionEnded)
		// The client may send nothing, and the transport wait for it.
		_ = http.NewResponseController(w).SetReadDeadline(time.Unix(1, 0))
	})
}

// watchResponse watches a response. It returns nil if that cannot last, or may.
func (r *Request) watchResponse(res *http.Response) *lasting {
	kind := kindOf(res)
	if kind == "" || r.Watcher == nil {
		return nil
	}
	return r.watch(kind, func(Ending) { _ = res.Body.Close() }) // which ends the read that waits
}

// watchWebSocket watches a WebSocket. It returns nil if that may last.
func (r *Request) watchWebSocket(t *tunnel) *lasting {
	if r.Watcher == nil {
		return nil
	}
	return r.watch(WebSocket, t.cut)
}

// watch watches what cut ends, from now until its method over is called.
func (r *Request) watch(kind Kind, cut func(Ending)) *lasting {
	l := &lasting{kind: kind, watcher: r.Watcher, cut: cut}
	if kind == WebSocket || kind == EventStream {
		l.begin()
	} else {
		l.mu.Lock()
		l.timer = time.AfterFunc(lastsAfter, l.begin)
		l.mu.Unlock()
	}
	return l
}

func (l *lasting) begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.ended {
		l.done = l.watcher.Watch(l.kind, l.end)
	}
}

func (l *lasting) end(why Ending) {
	l.why.Store(uint32(why))
	l.cut(why)
}

// over ends the watch, unless it has ended. It returns why the request was ended; 0 if it was not.
func (l *lasting) over() Ending {
	if l == nil {
		return 0
	}
	l.mu.Lock()
	if l.timer != nil {
		l.timer.Stop()
	}
	l.ended = true
	done := l.done
	l.done = nil
	l.mu.Unlock()
	if done != nil {
		done()
	}
	return Ending(l.why.Load())
}

// kindOf returns the kind of a response that may last; "" for others.
func kindOf(res *http.Response) Kind {
	switch {
	case res.ContentLength >= 0, res.Body == http.NoBody:
		return ""
	case isEventStream(res.Header):
		return EventStream
	case mayBeSilent(res.Header):
		return GRPC
	}
	return Response
}

// endResponse ends a response whose header has been sent. An event stream may end anywhere,
// and gRPC has a status for it (Unauthenticated and Unavailable); any other response must
// not look complete.
func (r *Request) endResponse(w http.ResponseWriter, l *lasting, why Ending) {
	switch l.kind {
	case EventStream:
	case GRPC:
		status, message := "16", "the session has ended"
		if why == TokenStale {
			status, message = "14", "the session token must be renewed"
		}
		w.Header().Set(http.TrailerPrefix+"Grpc-Status", status)
		w.Header().Set(http.TrailerPrefix+"Grpc-Message", message)
	default:
		abort(r.In)
	}
}
