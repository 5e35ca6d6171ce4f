// Package instance holds everything that has a secret of a Clerk instance, so that a
// reload with other secrets replaces all of it at once.
package instance

import (
	"time"

	"github.com/clerkgate/clerkgate/internal/exchange"
	"github.com/clerkgate/clerkgate/middleware"
	"github.com/clerkgate/clerkgate/proxy/internal/frontend"
	"github.com/clerkgate/clerkgate/proxy/internal/users"
)

// Options configure an [Instance].
type Options struct {
	// Auth configures the authenticator. Required; its clock is also the exchanger's.
	Auth middleware.Options
	// Former is the instance that this one replaces; nil if it is the first. What it knows
	// of revoked sessions is not forgotten.
	Former *Instance
	// Frontend configures the Frontend API; nil if it is not served.
	Frontend *frontend.Options
	// UserTTL is how old what is known of a user may become. Required.
	UserTTL time.Duration
}

// Instance is what has the secrets of one Clerk instance. Its fields are not changed.
type Instance struct {
	Auth      *middleware.Authenticator
	Exchanger *exchange.Exchanger
	Users     *users.Users
	Frontend  *frontend.API // nil if the Frontend API is not served
	secrets   secrets
}

// secrets are the fields of the options that a reload may change.
type secrets struct{ secretKey, machineSecretKey, jwtKey string }

func secretsOf(o *middleware.Options) secrets {
	return secrets{o.SecretKey, o.MachineSecretKey, o.JWTKey}
}

// New returns an Instance. It makes no network call. An error about opts.Auth is a
// [*middleware.OptionsError].
func New(opts Options) (*Instance, error) {
	makeAuth := middleware.New
	if opts.Former != nil {
		makeAuth = opts.Former.Auth.Successor
	}
	auth, err := makeAuth(opts.Auth)
	if err != nil {
		return nil, err
	}
	exchanger, err := exchange.New(exchange.Options{Client: auth.Client(), Now: opts.Auth.Now, Guard: auth.Guard()})
	if err != nil {
		auth.Close()
		return nil, err
	}
	known, err := users.New(users.Options{
		Client: auth.Client(), TTL: opts.UserTTL, Now: opts.Auth.Now, Logger: opts.Auth.Logger, Guard: auth.Guard(),
	})
	if err != nil {
		auth.Close()
		return nil, err
	}
	i := &Instance{Auth: auth, Exchanger: exchanger, Users: known, secrets: secretsOf(&opts.Auth)}
	if opts.Frontend != nil {
		i.Frontend = frontend.New(*opts.Frontend)
	}
	return i, nil
}

// HasSecretsOf reports whether the instance was made with the secrets of auth.
func (i *Instance) HasSecretsOf(auth *middleware.Options) bool { return i.secrets == secretsOf(auth) }

// Close ends background work and closes idle connections.
func (i *Instance) Close() {
	i.Users.Close()
	i.Auth.Close()
	if i.Frontend != nil {
		i.Frontend.Close()
	}
}
