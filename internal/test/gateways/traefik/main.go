// Command traefik serves one entry point with Traefik's own packages: its reading
// of configuration files, its treatment of forwarded headers, its forwardAuth, its
// reverse proxy. What it lacks of Traefik is the part that its modules cannot be
// built into here: the router and the entry point around it.
//
//	traefik STATIC.yaml DYNAMIC.yaml
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"text/template"
	"time"

	"github.com/traefik/paerser/file"
	"github.com/traefik/traefik/v3/pkg/config/dynamic"
	"github.com/traefik/traefik/v3/pkg/config/static"
	"github.com/traefik/traefik/v3/pkg/middlewares/auth"
	"github.com/traefik/traefik/v3/pkg/middlewares/forwardedheaders"
	provider "github.com/traefik/traefik/v3/pkg/provider/file"
	"github.com/traefik/traefik/v3/pkg/proxy/httputil"
)

// configuration is the static file as far as the recipe uses it.
type configuration struct {
	EntryPoints map[string]*static.EntryPoint
	Providers   struct{ File *provider.Provider }
}

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: traefik STATIC.yaml DYNAMIC.yaml")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1], os.Args[2])
	stop()
	if err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, staticFile, dynamicFile string) error {
	var c configuration
	if err := file.Decode(staticFile, &c); err != nil {
		return fmt.Errorf("static configuration: %w", err)
	}
	if c.Providers.File == nil || c.Providers.File.Filename == "" {
		return errors.New("the static configuration names no file")
	}
	d, err := c.Providers.File.CreateConfiguration(ctx, dynamicFile, template.FuncMap{}, struct{}{})
	if err != nil {
		return fmt.Errorf("dynamic configuration: %w", err)
	}
	if len(c.EntryPoints) != 1 || len(d.HTTP.Routers) != 1 {
		return errors.New("there must be one entry point and one router")
	}
	for _, router := range d.HTTP.Routers {
		handler, err := build(ctx, d.HTTP, router)
		if err != nil {
			return err
		}
		for _, entryPoint := range c.EntryPoints {
			return serve(ctx, entryPoint, handler)
		}
	}
	return nil
}

// build makes the router's chain: its middlewares, first one outermost, around its
// service.
func build(ctx context.Context, d *dynamic.HTTPConfiguration, router *dynamic.Router) (http.Handler, error) {
	service := d.Services[router.Service]
	if service == nil || service.LoadBalancer == nil || len(service.LoadBalancer.Servers) != 1 {
		return nil, errors.New("there must be one server")
	}
	target, err := url.Parse(service.LoadBalancer.Servers[0].URL)
	if err != nil {
		return nil, err
	}
	handler, err := httputil.NewProxyBuilder(transports{}, nil).Build("default", target, true, false, 100*time.Millisecond)
	if err != nil {
		return nil, err
	}
	for i := len(router.Middlewares) - 1; i >= 0; i-- {
		name := router.Middlewares[i]
		m := d.Middlewares[name]
		if m == nil || m.ForwardAuth == nil {
			return nil, fmt.Errorf("middleware %s is no forwardAuth", name)
		}
		if handler, err = auth.NewForward(ctx, handler, *m.ForwardAuth, name); err != nil {
			return nil, err
		}
	}
	return handler, nil
}

func serve(ctx context.Context, entryPoint *static.EntryPoint, handler http.Handler) error {
	if entryPoint.ForwardedHeaders == nil {
		entryPoint.ForwardedHeaders = &static.ForwardedHeaders{}
	}
	f := entryPoint.ForwardedHeaders
	chain, err := forwardedheaders.NewXForwarded(f.Insecure, f.TrustedIPs, f.Connection, f.NotAppendXForwardedFor, handler)
	if err != nil {
		return err
	}
	server := &http.Server{
		Addr: entryPoint.Address, Handler: http.AllowQuerySemicolons(chain), ReadHeaderTimeout: 10 * time.Second,
	}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// transports is one transport for every service.
type transports struct{}

func (transports) Get(string) (*dynamic.ServersTransport, error) {
	return &dynamic.ServersTransport{}, nil
}

func (transports) GetTLSConfig(string) (*tls.Config, error) { return nil, nil }

func (transports) GetRoundTripper(string) (http.RoundTripper, error) {
	return &http.Transport{DisableCompression: true}, nil
}
