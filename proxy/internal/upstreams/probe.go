package upstreams

import (
	"context"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/clerkgate/clerkgate/internal/once"
	"github.com/clerkgate/clerkgate/internal/reach"
)

// ProbeTTL is how long it is believed that applications accept connections, or do not.
const ProbeTTL = time.Second

// probe finds out whether applications accept connections, once for all who ask.
type probe struct {
	results *once.Memory[string, bool] // by the URLs of the applications
	now     func() time.Time
	logger  *slog.Logger

	mu   sync.Mutex
	told string // the applications that the log has last called unreachable
}

func newProbe(now func() time.Time, logger *slog.Logger) (*probe, error) {
	// A reload is the only reason to ask about others.
	results, err := once.New(once.Config[string, bool]{Entries: 2, Timeout: reach.Timeout, Now: now})
	if err != nil {
		return nil, err
	}
	return &probe{results: results, now: now, logger: logger}, nil
}

// accepted reports whether every application accepts connections, as of at most [ProbeTTL]
// ago. A caller that gives up leaves the result to others.
func (p *probe) accepted(ctx context.Context, urls []string) bool {
	ok, err := p.results.Do(context.WithoutCancel(ctx), strings.Join(urls, "\n"), func(ctx context.Context) (bool, time.Time) {
		failed := unreachable(ctx, urls)
		p.tell(ctx, failed)
		return len(failed) == 0, p.now().Add(ProbeTTL)
	})
	return ok && err == nil
}

// tell logs a change.
func (p *probe) tell(ctx context.Context, failed []string) {
	list := strings.Join(failed, ", ")
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case list == p.told:
		return
	case list == "":
		p.logger.LogAttrs(ctx, slog.LevelInfo, "every upstream accepts connections again")
	default:
		p.logger.LogAttrs(ctx, slog.LevelWarn, "not ready: an upstream accepts no connections", slog.String("upstream", list))
	}
	p.told = list
}

// unreachable returns those of urls whose servers accept no connections.
func unreachable(ctx context.Context, urls []string) []string {
	var mu sync.Mutex
	var group sync.WaitGroup
	var failed []string
	for _, at := range urls {
		group.Go(func() {
			target, err := url.Parse(at)
			if err == nil && reach.AddressOf(target).Accepts(ctx) {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			failed = append(failed, at)
		})
	}
	group.Wait()
	slices.Sort(failed)
	return failed
}
