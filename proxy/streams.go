package proxy

import (
	"context"

	"github.com/clerkgate/clerkgate/middleware"
	"github.com/clerkgate/clerkgate/proxy/internal/forward"
	"github.com/clerkgate/clerkgate/proxy/internal/streams"
	"github.com/clerkgate/clerkgate/proxy/routes"
)

// sessionEnded looks up the session of an open stream.
func (p *Proxy) sessionEnded(ctx context.Context, id string) (bool, error) {
	return p.site.Load().instance.Auth.SessionEnded(ctx, id)
}

// watcher returns who is told if the request lasts: nobody if it has no session that could
// end meanwhile.
func (ps *passage) watcher() forward.Watcher {
	if ps.state == nil || ps.state.Status != middleware.SignedIn || ps.state.Auth.SessionID == "" || ps.rule.route.Streams == routes.StreamsFree {
		return nil
	}
	return ps
}

// Watch implements [forward.Watcher].
func (ps *passage) Watch(kind forward.Kind, end func(forward.Ending)) (done func()) {
	return ps.site.streams.Add(streams.Stream{
		SessionID: ps.state.Auth.SessionID, UserID: ps.state.Auth.UserID, Kind: kind, Route: ps.rule.name, Judge: ps.judge, End: end,
	})
}

// judge returns why a stream must end, by the revocations that are known now.
func (ps *passage) judge() forward.Ending {
	switch ps.rule.auth.Recheck(ps.state) {
	case middleware.ReasonSessionRevoked:
		return forward.SessionEnded
	case middleware.ReasonSessionTokenExpired:
		return forward.TokenStale
	}
	return 0
}
