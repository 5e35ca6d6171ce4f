// Package demo implements "clerkgate demo": a local Clerk, an application, and clerkgate
// in front of it, in one process and without a Clerk account.
//
// [New] listens on the addresses and creates all parts, [Demo.Run] serves until its
// context ends. This package contains only the application: the local Clerk is package
// clerktest, and clerkgate is configured with environment variables, as usual.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/proxy"
	"github.com/clerkgate/clerkgate/proxy/routes"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

// proxyPath is where the Frontend API is served on the app's own origin. With a single
// origin, plain http is enough for Clerk's browser library.
const proxyPath = "/__clerk"

const shutdownTimeout = 5 * time.Second

// outageAfterExpiry is how long Clerk stays down after the last token has expired, for people to see what happens then.
const outageAfterExpiry = 30 * time.Second

// routesFile lets all requests through to the app, which has its own sign-in button, and
// also refreshes expired tokens of its buttons' requests. Requests for events are not
// authenticated, because that would refresh the token whose expiry people are watching. The end of
// an outage needs no authentication, which would fail.
const routesFile = `
routes:
  - { match: ` + eventsPath + `, auth: none }
  - { match: ` + upPath + `, auth: none }
  - { match: "/*", auth: public, refresh: all }
`

// Options configure a [Demo].
type Options struct {
	// Listen is the address of the demo, ClerkListen that of the local Clerk; both are
	// host:port, and port 0 means any free port.
	Listen, ClerkListen string
	// TokenLifetime is how long a session token is valid, in whole seconds.
	TokenLifetime time.Duration
	// Production uses keys of a production instance (pk_live_), which has a different
	// handshake and no dev browser.
	Production bool
	// Now is the clock of all parts; nil means time.Now.
	Now func() time.Time
}

// Validate returns an error that lists all problems by the names of the command's flags.
func (o Options) Validate() error {
	var problems []error
	for _, f := range []struct{ name, value string }{{"--listen", o.Listen}, {"--clerk-listen", o.ClerkListen}} {
		if _, port, err := net.SplitHostPort(f.value); err != nil || port == "" {
			problems = append(problems, fmt.Errorf("%s: found %q, expected host:port such as 127.0.0.1:8080", f.name, f.value))
		}
	}
	if o.TokenLifetime < time.Second || o.TokenLifetime%time.Second != 0 {
		problems = append(problems, fmt.Errorf("--token-lifetime: found %s, expected whole seconds, at least 1s", o.TokenLifetime))
	}
	return errors.Join(problems...)
}

// Demo is a local Clerk, an app, and clerkgate in front of the app.
type Demo struct {
	clerk  *clerktest.Clerk
	cfg    settings.Config
	log    *decisionLog
	story  *story
	origin string // what to open, such as http://localhost:8080

	clerkURL, appURL string
	servers          []server // the local Clerk and the app
	// front reserves the address of clerkgate until that listens itself: the address is
	// part of its configuration and must be known before it starts.
	front net.Listener
}

type server struct {
	*http.Server
	listener net.Listener
}

// New listens on the addresses and creates all parts; [Demo.Run] serves them. Each
// decision is written to log on one line. opts must be valid.
func New(ctx context.Context, opts Options, log io.Writer) (*Demo, error) {
	listeners, err := listenAll(ctx, opts)
	if err != nil {
		return nil, err
	}
	front, clerkListener, appListener := listeners[0], listeners[1], listeners[2]

	d := &Demo{
		clerk: clerktest.New(clerktest.Options{
			Production:    opts.Production,
			TokenLifetime: opts.TokenLifetime,
			Now:           opts.Now,
			AppName:       "clerkgate demo",
		}),
		origin:   originOf(front.Addr().String()),
		front:    front,
		clerkURL: "http://" + clerkListener.Addr().String(),
		appURL:   "http://" + appListener.Addr().String(),
	}
	d.story = newStory(d.clerk.Now, d.email)
	d.log = newDecisionLog(log, d.email, d.story.passedOn)
	application := &app{
		production: opts.Production, clerk: d.clerk, outage: opts.TokenLifetime + outageAfterExpiry, email: d.email, story: d.story, now: d.clerk.Now,
		sessionCookies: []string{"__session_" + d.clerk.CookieSuffix(), "__session"},
	}
	handler, err := application.handler()
	if err == nil {
		d.cfg, err = d.config()
	}
	if err != nil {
		closeAll(listeners)
		return nil, err
	}
	d.servers = []server{newServer(clerkListener, d.story.lookedUp(d.clerk.Handler())), newServer(appListener, handler)}
	return d, nil
}

// config returns clerkgate's configuration, loaded from environment variables as usual.
func (de *Demo) config() (settings.Config, error) {
	environment := map[string]string{
		"CLERK_PUBLISHABLE_KEY":    de.clerk.PublishableKey(),
		"CLERK_SECRET_KEY":         de.clerk.SecretKey(),
		"CLERK_API_URL":            de.clerkURL,
		"CLERK_FAPI_URL":           de.clerkURL,
		"CLERK_PROXY_URL":          proxyPath,
		"CLERK_SIGN_IN_URL":        de.origin + proxyPath + "/sign-in",
		"CLERKGATE_LISTEN":         de.front.Addr().String(),
		"CLERKGATE_ADMIN_LISTEN":   "127.0.0.1:0",
		"CLERKGATE_UPSTREAM":       de.appURL,
		"CLERKGATE_SESSION_LOOKUP": "cached", // so that an ended session is noticed before its token expires
	}
	cfg, _, err := settings.Load(func(name string) (string, bool) {
		value, ok := environment[name]
		return value, ok
	}, nil)
	if err != nil {
		return cfg, err
	}
	cfg.Auth.Now, cfg.Auth.Observer = de.clerk.Now, de.story.judged
	cfg.ShutdownTimeout, cfg.AccessLog = shutdownTimeout, "json"
	cfg.Routes, err = routes.Parse("demo", []byte(routesFile))
	return cfg, err
}

// email returns a user's email address, as an app would get it from Clerk.
func (de *Demo) email(userID string) string {
	for _, user := range de.clerk.Users() {
		if user.ID == userID {
			return user.Email
		}
	}
	return userID
}

// Run serves until ctx ends. It calls started once clerkgate listens. A Demo runs once.
func (de *Demo) Run(ctx context.Context, started func()) error {
	group, ctx := errgroup.WithContext(ctx)
	// Event streams must be ended first, because they never end by themselves.
	defer context.AfterFunc(ctx, de.story.end)()
	for _, s := range de.servers {
		group.Go(func() error {
			if err := s.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		})
	}
	group.Go(func() error {
		_ = de.front.Close() // now clerkgate listens on the address
		err := proxy.Run(ctx, de.cfg, proxy.RunOptions{
			Logger: slog.New(de.log), AccessLog: requestLog{de.log}, Started: func(proxy.Addresses) { started() },
		})
		// After clerkgate: its requests in flight needed the app and Clerk.
		limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
		defer cancel()
		for _, s := range de.servers {
			if s.Shutdown(limit) != nil {
				_ = s.Close() // connections that have not ended in time
			}
		}
		return err
	})
	return group.Wait()
}

func newServer(l net.Listener, handler http.Handler) server {
	return server{listener: l, Server: &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		IdleTimeout:       2 * time.Minute,
		ErrorLog:          slog.NewLogLogger(slog.DiscardHandler, slog.LevelWarn),
	}}
}

// Welcome prints the addresses and how to begin.
func (de *Demo) Welcome(w io.Writer) {
	users := de.clerk.Users()
	names := make([]string, len(users))
	for i, user := range users {
		names[i] = user.Email
	}
	_, _ = fmt.Fprintf(w, `
  clerkgate demo

  Open             %[1]s
  Try              curl -i %[1]s/api/me
  Sign in as       %[2]s
  Password         %[3]s (the sign-in page asks for none)

  Local Clerk      %[4]s
  App              %[5]s, behind clerkgate
  Publishable key  %[6]s
  Proxy URL        %[1]s%[7]s

  Ctrl-C stops it. Each decision, as it is made:

`, de.origin, strings.Join(names, ", "), users[0].Password, de.clerkURL, de.appURL, de.clerk.PublishableKey(), proxyPath)
}
