package proxy

import (
	"context"
	"errors"
	"log/slog"
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
	s.logger.LogAttrs(ctx, slog.LevelInfo, "configuration reloaded", slog.Int("routes", len(cfg.routes())))
}

func (s *server) apply(cfg Config) error {
	if problems := fixed(s.cfg, cfg); len(problems) > 0 {
		return &ConfigError{Problems: problems}
	}
	// The certificate is looked at on handshakes anyway; who asks for a reload wants
	// to know now whether it is good.
	if s.pair != nil {
		if err := s.pair.Reload(); err != nil {
			return &ConfigError{Problems: []Problem{fileProblem(err, envTLSCertFile, envTLSKeyFile)}}
		}
	}
	return s.swap(cfg)
}

func (s *server) refused(ctx context.Context, err error) {
	var invalid *ConfigError
	if !errors.As(err, &invalid) {
		s.logger.LogAttrs(ctx, slog.LevelError, "configuration refused; the old one goes on", slog.String("error", err.Error()))
		return
	}
	for _, p := range invalid.Problems {
		s.logger.LogAttrs(ctx, slog.LevelError, "configuration problem",
			slog.String("where", p.Variable), slog.String("found", p.Found), slog.String("expected", p.Expected))
	}
	s.logger.LogAttrs(ctx, slog.LevelError, "configuration refused; the old one goes on",
		slog.Int("problems", len(invalid.Problems)))
}

// fixed finds what a running server can't change: where it listens and what its
// listeners were made with.
func fixed(old, next Config) []Problem {
	var problems []Problem
	for _, setting := range []struct {
		variable string
		changed  bool
	}{
		{envListen, old.Listen != next.Listen},
		{envAdminListen, old.AdminListen != next.AdminListen},
		{envExtAuthzListen, old.ExtAuthzListen != next.ExtAuthzListen},
		{envTLSCertFile, old.TLSCertificateFile != next.TLSCertificateFile},
		{envTLSKeyFile, old.TLSKeyFile != next.TLSKeyFile},
		{envH2C, old.H2C != next.H2C},
		{envReadHeaderTimeout, old.Limits.ReadHeaderTimeout != next.Limits.ReadHeaderTimeout},
		{envBodyIdleTimeout, old.Limits.BodyIdleTimeout != next.Limits.BodyIdleTimeout},
		{envIdleTimeout, old.Limits.IdleTimeout != next.Limits.IdleTimeout},
		{envMaxHeaderBytes, old.Limits.MaxHeaderBytes != next.Limits.MaxHeaderBytes},
		{envMaxBodyBytes, old.Limits.MaxBodyBytes != next.Limits.MaxBodyBytes},
		{envMaxConnections, old.Limits.MaxConnections != next.Limits.MaxConnections},
		{envMaxStreams, old.Limits.MaxStreams != next.Limits.MaxStreams},
	} {
		if setting.changed {
			problems = append(problems, Problem{setting.variable, "another value than at the start", "the same value, or a restart"})
		}
	}
	return problems
}
