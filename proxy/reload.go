package proxy

import (
	"context"
	"errors"
	"log/slog"

	"github.com/clerkgate/clerkgate/proxy/settings"
)

// reload reads the configuration again and puts it in force. Whatever is wrong is
// logged, each problem on a line of its own, and the old one goes on. Requests in
// flight end under the configuration that they began with.
func (s *server) reload(ctx context.Context) {
	cfg, warnings, err := s.load()
	for _, w := range warnings {
		s.logger.LogAttrs(ctx, slog.LevelWarn, "configuration warning",
			slog.String("variable", w.Variable), slog.String("warning", w.Message))
	}
	if err == nil {
		err = s.apply(cfg)
	}
	if err != nil {
		s.refused(ctx, err)
		return
	}
	s.cfg = cfg
	s.logger.LogAttrs(ctx, slog.LevelInfo, "configuration reloaded", slog.Int("routes", len(cfg.AllRoutes())))
}

func (s *server) apply(cfg settings.Config) error {
	if problems := settings.NeedRestart(s.cfg, cfg); len(problems) > 0 {
		return &settings.Error{Problems: problems}
	}
	// The certificate is looked at on handshakes anyway; who asks for a reload wants
	// to know now whether it is good.
	if s.pair != nil {
		if err := s.pair.Reload(); err != nil {
			return settings.TLSError(err)
		}
	}
	return s.swap(cfg)
}

func (s *server) refused(ctx context.Context, err error) {
	var invalid *settings.Error
	if !errors.As(err, &invalid) {
		s.logger.LogAttrs(ctx, slog.LevelError, "configuration refused; the old one goes on", slog.String("error", err.Error()))
		return
	}
	for _, p := range invalid.Problems {
		s.logger.LogAttrs(ctx, slog.LevelError, "configuration problem",
			slog.String("where", p.Where), slog.String("found", p.Found), slog.String("expected", p.Want))
	}
	s.logger.LogAttrs(ctx, slog.LevelError, "configuration refused; the old one goes on",
		slog.Int("problems", len(invalid.Problems)))
}
