package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"runtime/pprof"
	"sync"
	"time"

	"github.com/clerkgate/clerkgate/internal/http1"
	"github.com/clerkgate/clerkgate/proxy"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

// roles are the roles that this binary has in separate processes.
var roles = map[string]func(ctx context.Context, args []string, stdout io.Writer) error{
	"upstream": func(ctx context.Context, args []string, _ io.Writer) error { return serveUpstream(ctx, args[0]) },
	"bare":     func(ctx context.Context, args []string, _ io.Writer) error { return serveBare(ctx, args[0], args[1]) },
	"bound":    func(ctx context.Context, args []string, _ io.Writer) error { return serveBound(ctx, args[0], args[1]) },
	"profiled": func(ctx context.Context, args []string, _ io.Writer) error { return serveProfiled(ctx, args[0]) },
	"paced":    func(ctx context.Context, args []string, stdout io.Writer) error { return runPaced(ctx, args, stdout) },
}

// serveBare is the baseline: [httputil.ReverseProxy] with enough idle connections for the
// load, a buffer pool, and no timeouts.
func serveBare(ctx context.Context, listen, upstream string) error {
	target, err := url.Parse(upstream)
	if err != nil {
		return err
	}
	handler := &httputil.ReverseProxy{
		Rewrite: func(pr *httputil.ProxyRequest) {
			pr.SetURL(target)
			pr.Out.Host = pr.In.Host
		},
		Transport:  &http.Transport{MaxIdleConns: 512, MaxIdleConnsPerHost: 512, DisableCompression: true},
		BufferPool: &buffers{},
	}
	return serve(ctx, listen, handler)
}

// serveBound is a lower bound for proxies with net/http's server and clerkgate's client: it
// forwards requests without a body, and checks and changes nothing.
func serveBound(ctx context.Context, listen, upstream string) error {
	target, err := url.Parse(upstream)
	if err != nil {
		return err
	}
	transport := http1.New(http1.Options{Dial: func(ctx context.Context) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", target.Host)
	}})
	return serve(ctx, listen, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.URL.Scheme, r.URL.Host, r.Body = target.Scheme, target.Host, nil
		res, err := transport.RoundTrip(r)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		maps.Copy(w.Header(), res.Header)
		w.WriteHeader(res.StatusCode)
		_, _ = io.Copy(w, res.Body)
		_ = res.Body.Close()
	}))
}

func serve(ctx context.Context, listen string, handler http.Handler) error {
	server := &http.Server{Addr: listen, Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// buffers lends copy buffers.
type buffers struct{ pool sync.Pool }

func (b *buffers) Get() []byte {
	if buf, ok := b.pool.Get().(*[]byte); ok {
		return *buf
	}
	return make([]byte, 32<<10)
}

func (b *buffers) Put(buf []byte) { b.pool.Put(&buf) }

// serveProfiled is clerkgate with a CPU profile of its whole run, which the product itself
// does not support.
func serveProfiled(ctx context.Context, file string) error {
	cfg, _, err := settings.Load(os.LookupEnv, os.Environ())
	if err != nil {
		return err
	}
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(out); err != nil {
		return err
	}
	//nolint:sloglint // the profile includes the cost of writing a line
	logger := slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: cfg.LogLevel}))
	err = proxy.Run(ctx, cfg, proxy.RunOptions{Logger: logger, AccessLog: io.Discard})
	pprof.StopCPUProfile()
	return errors.Join(err, out.Close())
}
