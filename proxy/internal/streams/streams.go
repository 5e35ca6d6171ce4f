package streams

import (
	"container/list"
	"context"
	"sync"
	"time"

	"github.com/clerkgate/clerkgate/proxy/internal/forward"
)

// Stream is one connection.
type Stream struct {
	SessionID, UserID string
	// Kind is what kind of stream it is, and Route the name of its route, which may be "".
	Kind  forward.Kind
	Route string
	// Judge returns why the stream must end by what is known now, or 0. It must be fast.
	Judge func() forward.Ending
	// End ends the stream. It is called once at most, and may take a while.
	End func(forward.Ending)
}

// Config configures a [Registry].
type Config struct {
	// Recheck is how often the session of an open stream is looked up. Required.
	Recheck time.Duration
	// Ended looks a session up at Clerk. An error means that Clerk has not answered.
	// Required.
	Ended func(ctx context.Context, sessionID string) (bool, error)
}

// Registry holds the streams that are open. It is safe for concurrent use. Its lock is taken
// when a stream begins and when it ends, and not by other requests.
type Registry struct {
	Config
	ctx     context.Context // is done once the registry is closed
	stop    context.CancelFunc
	work    sync.WaitGroup
	revoked chan struct{} // has a value if something was revoked
	added   chan struct{} // has a value if a session was added

	mu       sync.Mutex
	sessions map[string]*session
	queue    list.List // of *session, by the time when they are to be looked up
	counts   map[forward.Kind]*Count
}

// Count is how many streams of a kind are open, and how many were ended so far because of
// their session.
type Count struct{ Open, Ended int }

// session is a session with streams.
type session struct {
	id      string
	streams map[*entry]struct{}
	due     time.Time     // when it is looked up
	place   *list.Element // in the queue
}

// entry is an open stream.
type entry struct {
	Stream
	since  time.Time
	ending bool // Registry.mu is held for it

	mu   sync.Mutex // held while End is called
	over bool
}

// New returns an empty registry. Close it.
func New(c Config) *Registry {
	r := &Registry{
		Config: c, revoked: make(chan struct{}, 1), added: make(chan struct{}, 1),
		sessions: make(map[string]*session), counts: make(map[forward.Kind]*Count),
	}
	r.ctx, r.stop = context.WithCancel(context.Background())
	r.work.Go(r.judgeAll)
	r.work.Go(r.lookUpAll)
	return r
}

// Add adds a stream and judges it. remove must be called when the stream is over; End is not
// called afterwards, and has returned if it was called. Both Judge and End are called on
// other goroutines.
func (r *Registry) Add(s Stream) (remove func()) {
	e := &entry{Stream: s, since: time.Now()}
	r.mu.Lock()
	defer r.mu.Unlock()
	of := r.sessions[s.SessionID]
	if of == nil {
		of = &session{id: s.SessionID, streams: make(map[*entry]struct{}), due: e.since.Add(r.Recheck)}
		of.place = r.queue.PushBack(of)
		r.sessions[s.SessionID] = of
		signal(r.added)
	}
	of.streams[e] = struct{}{}
	r.count(s.Kind).Open++
	// What was revoked since the request was judged may have been missed.
	if why := s.Judge(); why != 0 {
		r.end(e, why)
	}
	return func() { r.remove(of, e) }
}

func (r *Registry) remove(of *session, e *entry) {
	e.mu.Lock()
	e.over = true
	e.mu.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(of.streams, e)
	r.count(e.Kind).Open--
	if len(of.streams) == 0 {
		r.queue.Remove(of.place)
		delete(r.sessions, of.id)
	}
}

// end ends a stream, unless that has been done, or r is closed; r.mu is held.
func (r *Registry) end(e *entry, why forward.Ending) {
	if e.ending || r.ctx.Err() != nil {
		return
	}
	e.ending = true
	r.count(e.Kind).Ended++
	r.work.Go(func() { // a client that reads slowly must not keep others waiting
		e.mu.Lock()
		defer e.mu.Unlock()
		if !e.over {
			e.End(why)
		}
	})
}

// count returns the counts of a kind; r.mu is held.
func (r *Registry) count(k forward.Kind) *Count {
	c := r.counts[k]
	if c == nil {
		c = &Count{}
		r.counts[k] = c
	}
	return c
}

// Counts returns how many streams there are, by kind.
func (r *Registry) Counts() map[forward.Kind]Count {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make(map[forward.Kind]Count, len(r.counts))
	for k, c := range r.counts {
		all[k] = *c
	}
	return all
}

// Close ends the work in the background and waits for it. Streams that are open stay open.
func (r *Registry) Close() {
	r.mu.Lock()
	r.stop()
	r.mu.Unlock()
	r.work.Wait()
}

// signal puts a value into a channel of capacity one, unless it has one.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
