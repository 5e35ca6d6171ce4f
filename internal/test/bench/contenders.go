package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// contender is one way to put a proxy in front of the upstream.
type contender struct {
	name, what string
	cookie     bool // tokens are in cookies, not in Authorization
	refuses    bool // it verifies tokens
	identifies bool // it sets identity headers, and refuses every token that clerkgate refuses
	launch     func(b *bench, listen string) (env, argv []string, err error)
	settle     func(ctx context.Context, b *bench, address string) error // waits until it is as it will be measured; may be nil
}

// header is the header, and the file, that the tokens are in.
func (c contender) header() string {
	if c.cookie {
		return "Cookie"
	}
	return "Authorization"
}

// contenders are in the order of the table.
func contenders() []contender {
	return []contender{
		{name: "e", what: "bare `httputil.ReverseProxy`, no authentication", launch: launchRole("bare")},
		{name: "e2", what: "the same, requests with cookies", cookie: true, launch: launchRole("bare")},
		{name: "d", what: "HAProxy, `jwt_verify` (signature, alg, exp)", refuses: true, launch: launchHAProxy(verifyToken)},
		{name: "d2", what: "HAProxy, all checks and identity headers", refuses: true, identifies: true, launch: launchHAProxy(verifyToken + verifyClaims + setIdentity)},
		{name: "c", what: "**clerkgate**, Bearer", refuses: true, identifies: true, launch: launchClerkgate("off")},
		{name: "c2", what: "**clerkgate**, cookies", cookie: true, refuses: true, identifies: true, launch: launchClerkgate("off")},
		{name: "cl", what: "**clerkgate**, Bearer, a log line per request", refuses: true, identifies: true, launch: launchClerkgate("text")},
		{name: "s0", what: "**clerkgate**, Bearer, a store, nobody denied", refuses: true, identifies: true, launch: launchSharing(0), settle: settleSharing(0)},
		{name: "s1", what: "**clerkgate**, Bearer, a store, 1 000 sessions denied", refuses: true, identifies: true, launch: launchSharing(1000), settle: settleSharing(1000)},
		{name: "s2", what: "**clerkgate**, Bearer, a store, 100 000 sessions denied", refuses: true, identifies: true, launch: launchSharing(100_000), settle: settleSharing(100_000)},
		{name: "b", what: "net/http's server and `internal/http1` with nothing between: the bound", launch: launchRole("bound")},
		{name: "h", what: "HAProxy, proxying only", launch: launchHAProxy("")},
		{name: "n", what: "nginx, proxying only", launch: launchNginx},
	}
}

func contenderNames() (names []string) {
	for _, c := range contenders() {
		names = append(names, c.name)
	}
	return names
}

// chosen returns the contenders with the names, or all that need no store.
func chosen(only []string) ([]contender, error) {
	all := contenders()
	for _, name := range only {
		if !slices.Contains(contenderNames(), name) {
			return nil, fmt.Errorf("unknown contender %q; want one of %s", name, strings.Join(contenderNames(), ", "))
		}
	}
	if len(only) == 0 {
		return slices.DeleteFunc(all, func(c contender) bool { return c.settle != nil }), nil
	}
	return slices.DeleteFunc(all, func(c contender) bool { return !slices.Contains(only, c.name) }), nil
}

// running is a contender that accepts requests.
type running struct {
	*process
	contender
	address string
}

// start starts a contender on the proxy's core and waits until it accepts connections.
func (b *bench) start(ctx context.Context, c contender) (*running, error) {
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	env, argv, err := c.launch(b, address)
	if err != nil {
		return nil, err
	}
	p, err := start(ctx, proxyCore, append(env, "GOMAXPROCS=1"), argv...)
	if err != nil {
		return nil, err
	}
	if err := awaitListener(ctx, address); err != nil {
		p.stop()
		return nil, fmt.Errorf("%s does not listen: %w\n%s", c.name, err, p.output)
	}
	if c.settle != nil {
		if err := c.settle(ctx, b, address); err != nil {
			p.stop()
			return nil, err
		}
	}
	return &running{process: p, contender: c, address: address}, nil
}

// launchRole starts this binary in one of its roles.
func launchRole(role string) func(b *bench, listen string) (env, argv []string, err error) {
	return func(b *bench, listen string) (env, argv []string, err error) {
		return nil, []string{b.self, role, listen, "http://" + b.upstream}, nil
	}
}

func launchClerkgate(accessLog string) func(b *bench, listen string) (env, argv []string, err error) {
	return func(b *bench, listen string) (env, argv []string, err error) {
		return b.environment(listen, "127.0.0.1:0", accessLog), []string{b.clerkgate}, nil
	}
}

// environment configures clerkgate for the benchmark's instance, so that it can verify
// tokens without calling Clerk.
func (b *bench) environment(listen, admin, accessLog string) []string {
	env := []string{
		"CLERK_PUBLISHABLE_KEY=" + publishableKey,
		"CLERK_SECRET_KEY=" + secretKey,
		"CLERK_JWT_KEY=" + b.credentials.publicPEM,
		"CLERKGATE_AUTHORIZED_PARTIES=" + party,
		"CLERKGATE_UPSTREAM=http://" + b.upstream,
		"CLERKGATE_POLICY=required",
		"CLERKGATE_LISTEN=" + listen,
		"CLERKGATE_ADMIN_LISTEN=" + admin,
		"CLERKGATE_ACCESS_LOG=" + accessLog,
	}
	if b.options.transport != "" {
		env = append(env, "CLERKGATE_UPSTREAM_TRANSPORT="+b.options.transport)
	}
	return env
}

func launchHAProxy(rules string) func(b *bench, listen string) (env, argv []string, err error) {
	return func(b *bench, listen string) (env, argv []string, err error) {
		rules := strings.NewReplacer("PUBLIC_KEY", filepath.Join(b.dir, "public.pem"), "ISSUER", issuer, "PARTY", party).Replace(rules)
		file, err := b.writeConfig("haproxy.cfg", fmt.Sprintf(haproxyConfig, listen, rules, b.upstream))
		return nil, []string{"haproxy", "-db", "-q", "-f", file}, err
	}
}

func launchNginx(b *bench, listen string) (env, argv []string, err error) {
	file, err := b.writeConfig("nginx.conf", fmt.Sprintf(nginxConfig, b.dir, b.upstream, listen))
	return nil, []string{"nginx", "-e", "stderr", "-c", file}, err
}

func (b *bench) writeConfig(name, text string) (string, error) {
	file := filepath.Join(b.dir, name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return "", fmt.Errorf("write a configuration: %w", err)
	}
	return file, nil
}

// freeAddress returns an address that is not in use at the moment.
func freeAddress(ctx context.Context) (string, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a port: %w", err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String(), nil
}

// awaitListener returns when connections to address are accepted.
func awaitListener(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute) // it may run under valgrind
	defer cancel()
	var dialer net.Dialer
	for {
		conn, err := dialer.DialContext(ctx, "tcp", address)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ctx.Err(), err)
		case <-time.After(5 * time.Millisecond):
		}
	}
}
