package proxy

import (
	"sync"
	"time"

	"github.com/clerkgate/clerkgate/internal/exchange"
	"github.com/clerkgate/clerkgate/middleware"
	"github.com/clerkgate/clerkgate/proxy/internal/frontend"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

// clerk is all that holds a secret of the Clerk instance.
type clerk struct {
	secrets   secrets
	auth      *middleware.Authenticator
	frontend  *frontend.API // nil if the Frontend API is not served here
	exchanger *exchange.Exchanger
}

// secrets are what a reload may change of the options of the middleware.
type secrets struct{ secretKey, machineSecretKey, jwtKey string }

func secretsOf(o *middleware.Options) secrets {
	return secrets{o.SecretKey, o.MachineSecretKey, o.JWTKey}
}

// newClerk makes what holds the secrets of cfg. No network call is made.
func (p *Proxy) newClerk(cfg settings.Config) (*clerk, error) {
	opts := cfg.Auth
	opts.Now, opts.Logger, opts.ErrorHandler = p.now, p.logger, p.turnAway
	auth, err := middleware.New(opts)
	if err != nil {
		return nil, settings.OptionsError(err)
	}
	c := &clerk{secrets: secretsOf(&opts), auth: auth}
	if c.exchanger, err = exchange.New(exchange.Options{Client: auth.Client(), Now: p.now}); err != nil {
		auth.Close()
		return nil, err
	}
	if cfg.FrontendPath() != "" {
		c.frontend = p.newFrontend(cfg)
	}
	return c, nil
}

func (c *clerk) close() {
	c.auth.Close()
	if c.frontend != nil {
		c.frontend.Close()
	}
}

// formerFor is how long what a reload has replaced stays: longer than a request may wait
// for Clerk.
const formerFor = 90 * time.Second

// former keeps what a reload has replaced, until no request uses it any more.
type former struct {
	mu    sync.Mutex
	clerk *clerk
	timer *time.Timer
}

// replace closes the value that is kept and keeps c instead, unless c is nil.
func (f *former) replace(c *clerk) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.clerk != nil {
		f.timer.Stop()
		f.clerk.close()
	}
	f.clerk = c
	if c != nil {
		f.timer = time.AfterFunc(formerFor, func() { f.expire(c) })
	}
}

func (f *former) expire(c *clerk) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.clerk == c {
		f.clerk = nil
		c.close()
	}
}
