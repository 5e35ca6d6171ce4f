package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/proxy"
)

// demoProxyPath is where the Frontend API is served on the app's own origin. With
// it everything is one origin, and plain http is enough for Clerk's browser library.
const demoProxyPath = "/__clerk"

const demoShutdownTimeout = 5 * time.Second

// demo is a local Clerk, an app, and clerkgate in front of the app.
type demo struct {
	clerk  *clerktest.Clerk
	cfg    proxy.Config
	logger *slog.Logger
	origin string // what to open, such as http://localhost:8080

	clerkURL, appURL string
	servers          []demoServer // the local Clerk and the app
	// front holds the address of clerkgate, which listens by itself: its address
	// is part of the configuration and must be known, and ours, before it starts.
	front net.Listener
}

type demoServer struct {
	*http.Server
	listener net.Listener
}

// newDemo takes the addresses and makes all parts; [demo.run] serves them. Log
// lines go to stdout.
func newDemo(ctx context.Context, opts demoOptions, stdout io.Writer) (*demo, error) {
	listeners, err := demoListeners(ctx, opts)
	if err != nil {
		return nil, err
	}
	front, clerkListener, appListener := listeners[0], listeners[1], listeners[2]

	d := &demo{
		clerk: clerktest.New(clerktest.Options{
			Production:    opts.Production,
			TokenLifetime: opts.TokenLifetime,
			Now:           opts.Now,
			AppName:       "clerkgate demo",
		}),
		origin:   demoOrigin(front.Addr().String()),
		front:    front,
		clerkURL: "http://" + clerkListener.Addr().String(),
		appURL:   "http://" + appListener.Addr().String(),
	}
	d.logger = slog.New(newDemoLog(stdout, d.email))
	app := &demoApp{
		production: opts.Production, sessions: d.clerk, email: d.email, now: d.clerk.Now,
		sessionCookies: []string{"__session_" + d.clerk.CookieSuffix(), "__session"},
	}
	handler, err := app.handler()
	if err == nil {
		d.cfg, err = d.config()
	}
	if err != nil {
		closeAll(listeners)
		return nil, err
	}
	d.servers = []demoServer{newDemoServer(clerkListener, d.clerk.Handler()), newDemoServer(appListener, handler)}
	return d, nil
}

// config goes the way of every start of clerkgate: through an environment.
func (d *demo) config() (proxy.Config, error) {
	environment := map[string]string{
		"CLERK_PUBLISHABLE_KEY":    d.clerk.PublishableKey(),
		"CLERK_SECRET_KEY":         d.clerk.SecretKey(),
		"CLERK_API_URL":            d.clerkURL,
		"CLERK_FAPI_URL":           d.clerkURL,
		"CLERK_PROXY_URL":          demoProxyPath,
		"CLERK_SIGN_IN_URL":        d.origin + demoProxyPath + "/sign-in",
		"CLERKGATE_LISTEN":         d.front.Addr().String(),
		"CLERKGATE_ADMIN_LISTEN":   "127.0.0.1:0",
		"CLERKGATE_UPSTREAM":       d.appURL,
		"CLERKGATE_POLICY":         "optional", // the app asks to sign in itself
		"CLERKGATE_SESSION_LOOKUP": "cached",   // an ended session stops before its token dies
	}
	cfg, _, err := proxy.LoadConfig(func(name string) (string, bool) {
		value, ok := environment[name]
		return value, ok
	}, nil)
	cfg.Auth.Now = d.clerk.Now
	cfg.ShutdownTimeout = demoShutdownTimeout
	return cfg, err
}

// email is what the app calls people: it asks Clerk by the user's id.
func (d *demo) email(userID string) string {
	for _, user := range d.clerk.Users() {
		if user.ID == userID {
			return user.Email
		}
	}
	return userID
}

// run serves until ctx ends. started is called once clerkgate listens.
func (d *demo) run(ctx context.Context, started func()) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, server := range d.servers {
		group.Go(func() error {
			if err := server.Serve(server.listener); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		})
	}
	group.Go(func() error {
		_ = d.front.Close() // from here on it is clerkgate's
		err := proxy.Run(ctx, d.cfg, proxy.RunOptions{Logger: d.logger, Started: func(proxy.Addresses) { started() }})
		// Only now: requests in flight still needed the app and Clerk.
		limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), demoShutdownTimeout)
		defer cancel()
		for _, server := range d.servers {
			if server.Shutdown(limit) != nil {
				_ = server.Close() // connections that did not end in time
			}
		}
		return err
	})
	return group.Wait()
}

func newDemoServer(l net.Listener, handler http.Handler) demoServer {
	return demoServer{listener: l, Server: &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		IdleTimeout:       2 * time.Minute,
		ErrorLog:          slog.NewLogLogger(slog.DiscardHandler, slog.LevelWarn),
	}}
}

// demoListeners takes the addresses of clerkgate, the local Clerk and the app.
func demoListeners(ctx context.Context, opts demoOptions) ([]net.Listener, error) {
	var listeners []net.Listener
	for _, place := range []struct{ flag, address string }{
		{"--listen", opts.Listen}, {"--clerk-listen", opts.ClerkListen}, {"", "127.0.0.1:0"},
	} {
		l, err := demoListen(ctx, place.flag, place.address)
		if err != nil {
			closeAll(listeners)
			return nil, err
		}
		listeners = append(listeners, l)
	}
	return listeners, nil
}

func closeAll(listeners []net.Listener) {
	for _, l := range listeners {
		_ = l.Close() // it never served
	}
}

// demoListen names the flag that helps when an address can't be had.
func demoListen(ctx context.Context, flag, address string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	switch {
	case err == nil:
		return l, nil
	case flag == "":
		return nil, fmt.Errorf("listen on a free port: %w", err)
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s is in use: choose another address with %s host:port", address, flag)
	default:
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
}

// demoOrigin is the URL to open. On this machine it says localhost: browsers keep
// Secure cookies there over plain http too.
func demoOrigin(address string) string {
	host, port, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err == nil && ip != nil && (ip.IsLoopback() || ip.IsUnspecified()) {
		address = "localhost:" + port
	}
	return "http://" + address
}

// welcome says what runs where and what to open.
func (d *demo) welcome(w io.Writer) {
	users := d.clerk.Users()
	names := make([]string, len(users))
	for i, user := range users {
		names[i] = user.Email
	}
	say(w, `
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

`, d.origin, strings.Join(names, ", "), users[0].Password, d.clerkURL, d.appURL, d.clerk.PublishableKey(), demoProxyPath)
}
