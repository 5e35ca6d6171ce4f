package upstreams

import (
	"context"
	"log/slog"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/clerkgate/clerkgate/internal/reach"
)

// WatchOptions configure a [Watch].
type WatchOptions struct {
	// Await are the URLs of the applications that [Watch.Await] waits for.
	Await []string
	// Probe has [Watch.State] find out whether applications accept connections.
	Probe bool
	// Logger and Now are required.
	Logger *slog.Logger
	Now    func() time.Time
}

// Watch knows whether applications accept connections. A reload changes nothing in it: an
// application that the reload adds is not waited for. It is safe for concurrent use.
type Watch struct {
	opts    WatchOptions
	waiting map[string]*atomic.Bool // by URL: whether a start waits for it
	probe   *probe                  // nil without Probe
}

// NewWatch returns a Watch. Nothing is waited for before [Watch.Await].
func NewWatch(opts WatchOptions) (*Watch, error) {
	w := &Watch{opts: opts, waiting: make(map[string]*atomic.Bool, len(opts.Await))}
	for _, at := range opts.Await {
		w.waiting[at] = &atomic.Bool{}
	}
	if opts.Probe {
		var err error
		if w.probe, err = newProbe(opts.Now, opts.Logger); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// Close ends the probes.
func (w *Watch) Close() {
	if w.probe != nil {
		w.probe.results.Close()
	}
}

// State is how applications are doing, all together.
type State string

// The states. Unwatched means that nobody asked to know.
const (
	Unwatched State = ""
	Up        State = "up"
	Down      State = "down"
	Starting  State = "starting" // a start waits for one of them
)

// State returns how the applications of s are doing.
func (w *Watch) State(ctx context.Context, s *Set) State {
	urls := URLs(s.settings)
	for _, at := range urls {
		if waiting := w.waiting[at]; waiting != nil && waiting.Load() {
			return Starting
		}
	}
	switch {
	case w.probe == nil:
		return Unwatched
	case w.probe.accepted(ctx, urls):
		return Up
	}
	return Down
}

// starting returns a function that reports whether the application at url is waited for,
// or nil if it never is.
func (w *Watch) starting(url string) func() bool {
	if waiting := w.waiting[url]; waiting != nil {
		return waiting.Load
	}
	return nil
}

// Await has requests to each application answered with 503 until it accepts a connection
// or limit has passed. It returns at once; stop ends the waiting.
func (w *Watch) Await(ctx context.Context, limit time.Duration) (stop func()) {
	// The end of ctx begins a shutdown, in which requests are still answered.
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	began := w.opts.Now()
	var group sync.WaitGroup
	for target, waiting := range w.waiting {
		waiting.Store(true)
		group.Go(func() {
			w.awaitOne(ctx, target, began, limit)
			waiting.Store(false)
		})
	}
	return func() {
		cancel()
		group.Wait()
	}
}

func (w *Watch) awaitOne(ctx context.Context, target string, began time.Time, limit time.Duration) {
	u, err := url.Parse(target)
	if err != nil {
		return // New parses it, too
	}
	at, accepts := reach.AddressOf(u), false
	err = reach.Poll(ctx, func() bool {
		accepts = at.Accepts(ctx)
		return accepts || w.opts.Now().Sub(began) >= limit
	})
	attrs := []slog.Attr{slog.String("upstream", target), slog.Duration("after", w.opts.Now().Sub(began))}
	switch {
	case err != nil: // the server has stopped
	case accepts:
		w.opts.Logger.LogAttrs(ctx, slog.LevelInfo, "the application accepts connections", attrs...)
	default:
		w.opts.Logger.LogAttrs(ctx, slog.LevelWarn, "the application still accepts no connections; it is not waited for any longer", attrs...)
	}
}
