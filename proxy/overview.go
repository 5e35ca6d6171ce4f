package proxy

import (
	"cmp"
	"context"

	"github.com/clerkgate/clerkgate/internal/build"
	"github.com/clerkgate/clerkgate/proxy/internal/admin"
	"github.com/clerkgate/clerkgate/proxy/internal/serve"
)

// overview returns what the admin listener shows of the server as a whole.
func (a *application) overview(ready func(context.Context) serve.Readiness) *admin.Overview {
	started := a.now()
	return &admin.Overview{
		Status: func(ctx context.Context) admin.Status {
			r := ready(ctx)
			return admin.Status{
				Build: build.This(), Started: started.UTC(), UptimeInSeconds: int64(a.now().Sub(started).Seconds()),
				State: r.Status, Parts: r.Parts, Breakers: a.site.Load().breakers(),
			}
		},
		Routes:   func() []admin.Route { return a.site.Load().inForce() },
		Settings: a.settingsInForce,
	}
}

// breakers returns the state of the breakers between s and Clerk.
func (s *site) breakers() []admin.Breaker {
	var all []admin.Breaker
	for _, b := range s.instance.Auth.Breakers() {
		all = append(all, admin.Breaker{Name: b.Name, Open: b.Open, Since: b.Since, RetryInSeconds: b.Next.Seconds()})
	}
	if api := s.instance.Frontend; api != nil {
		b := api.Breaker()
		all = append(all, admin.Breaker{Name: "frontend_api", Open: b.Open, Since: b.Since, RetryInSeconds: b.Next.Seconds()})
	}
	return all
}

// inForce returns the routes of s with their requests.
func (s *site) inForce() []admin.Route {
	var all []admin.Route
	for _, rl := range s.rules {
		r := rl.route
		all = append(all, admin.Route{
			Name: rl.name, Hosts: r.Hosts, Match: r.Match, Methods: r.Methods, Auth: cmp.Or(string(r.Auth), "required"), Upstream: r.Upstream, Requests: rl.requests.Load(),
		})
	}
	return all
}

func (a *application) settingsInForce() []admin.Setting {
	var all []admin.Setting
	for _, s := range *a.shown.Load() {
		all = append(all, admin.Setting(s))
	}
	return all
}
