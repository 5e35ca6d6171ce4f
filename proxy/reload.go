package proxy

import (
	"context"
	"errors"
	"log/slog"

	"github.com/clerkgate/clerkgate/internal/auditlog"
	"github.com/clerkgate/clerkgate/internal/loglimit"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

// Reload reads the configuration again and applies it. If there are problems, each is
// logged on a line of its own, and the old configuration stays in force. Requests in flight
// finish with the configuration that they began with.
func (a *application) Reload(ctx context.Context) {
	ctx = loglimit.Always(ctx)
	cfg, warnings, err := a.load()
	for _, w := range warnings {
		a.logger.LogAttrs(ctx, slog.LevelWarn, "configuration warning",
			slog.String("variable", w.Variable), slog.String("warning", w.Message))
	}
	if err == nil {
		err = a.apply(cfg)
	}
	a.audit.Reopen() // a hangup follows the rotation of logs, too
	if err != nil {
		a.audit.Record(auditlog.Event{Kind: auditlog.ReloadFailed})
		a.refused(ctx, err)
		return
	}
	a.audit.Record(auditlog.Event{Kind: auditlog.Reloaded, Count: len(cfg.AllRoutes())})
	if a.level != nil {
		a.level.Set(cfg.LogLevel)
	}
	a.use(cfg)
	a.logger.LogAttrs(ctx, slog.LevelInfo, "configuration reloaded", slog.Int("routes", len(cfg.AllRoutes())))
}

// use notes which configuration is in force.
func (a *application) use(cfg settings.Config) {
	a.inForce = cfg
	list := cfg.InForce()
	a.shown.Store(&list)
}

func (a *application) apply(cfg settings.Config) error {
	if problems := settings.NeedRestart(a.inForce, cfg); len(problems) > 0 {
		return &settings.Error{Problems: problems}
	}
	// TLS handshakes look for a new certificate anyway, but a reload should report now
	// whether it can be used.
	if a.pair != nil {
		if err := a.pair.Reload(); err != nil {
			return settings.TLSError(err)
		}
	}
	return a.Proxy.Reload(cfg)
}

func (a *application) refused(ctx context.Context, err error) {
	var invalid *settings.Error
	if !errors.As(err, &invalid) {
		a.logger.LogAttrs(ctx, slog.LevelError, "configuration refused; the old one stays in force", slog.String("error", err.Error()))
		return
	}
	for _, p := range invalid.Problems {
		a.logger.LogAttrs(ctx, slog.LevelError, "configuration problem",
			slog.String("where", p.Where), slog.String("found", p.Found), slog.String("expected", p.Want), slog.String("remedy", p.Remedy))
	}
	a.logger.LogAttrs(ctx, slog.LevelError, "configuration refused; the old one stays in force",
		slog.Int("problems", len(invalid.Problems)))
}
