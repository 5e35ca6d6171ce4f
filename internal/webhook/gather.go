package webhook

import (
	"context"
	"sync"
	"time"

	"github.com/clerkgate/clerkgate/internal/revocation"
)

// gatherFor is how long changes of roles, permissions and organizations are gathered. One
// click in Clerk's dashboard can change many, and each makes every user of them renew a
// token.
const gatherFor = time.Second

// gathering records entries together with those that come at about the same time.
type gathering struct {
	record func(context.Context, ...revocation.Entry) error

	mu    sync.Mutex
	batch *batch // nil while nothing waits
}

type batch struct {
	entries map[revocation.Entry]time.Time // by the entry without its time
	done    chan struct{}
	err     error // once done is closed
}

// add returns when the entry has been recorded.
func (g *gathering) add(ctx context.Context, e revocation.Entry) error {
	g.mu.Lock()
	b := g.batch
	if b == nil {
		b = &batch{entries: make(map[revocation.Entry]time.Time), done: make(chan struct{})}
		g.batch = b
		time.AfterFunc(gatherFor, func() { g.flush(context.WithoutCancel(ctx), b) })
	}
	at := e.At
	e.At = time.Time{}
	if at.After(b.entries[e]) {
		b.entries[e] = at
	}
	g.mu.Unlock()
	select {
	case <-b.done:
		return b.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (g *gathering) flush(ctx context.Context, b *batch) {
	g.mu.Lock()
	g.batch = nil
	g.mu.Unlock()
	entries := make([]revocation.Entry, 0, len(b.entries))
	for e, at := range b.entries {
		e.At = at
		entries = append(entries, e)
	}
	b.err = g.record(ctx, entries...)
	close(b.done)
}
