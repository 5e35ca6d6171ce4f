package settings

// Problems finds what a Config made by hand may lack.
func (cfg *Config) Problems() (problems []Problem) {
	if cfg.FrontendAPI != nil && (!isHTTP(cfg.FrontendAPI) || !isOrigin(cfg.FrontendAPI)) {
		problems = append(problems, Problem{Where: EnvFAPIURL, Found: "", Want: "an http or https origin"})
	}
	if cfg.Policy != "" && cfg.Policy != PolicyRequired && cfg.Policy != PolicyOptional {
		problems = append(problems, Problem{Where: EnvPolicy, Found: quote(string(cfg.Policy)), Want: "required or optional"})
	}
	if cfg.FrontendPath() != "" && cfg.Auth.SecretKey == "" {
		problems = append(problems, Problem{Where: EnvSecretKey, Found: "nothing", Want: "the secret key, because " + EnvProxyURL + " needs it"})
	}
	return problems
}

// NeedRestart finds what a running server can't change: where it listens and what its
// listeners were made with.
func NeedRestart(old, next Config) []Problem {
	old, next = old.WithDefaults(), next.WithDefaults()
	var problems []Problem
	for _, setting := range []struct {
		variable string
		changed  bool
	}{
		{EnvListen, old.Listen != next.Listen},
		{EnvAdminListen, old.AdminListen != next.AdminListen},
		{EnvExtAuthzListen, old.ExtAuthzListen != next.ExtAuthzListen},
		{EnvTLSCertFile, old.TLSCertificateFile != next.TLSCertificateFile},
		{EnvTLSKeyFile, old.TLSKeyFile != next.TLSKeyFile},
		{EnvH2C, old.H2C != next.H2C},
		{EnvReadHeaderTimeout, old.Limits.ReadHeaderTimeout != next.Limits.ReadHeaderTimeout},
		{EnvBodyIdleTimeout, old.Limits.BodyIdleTimeout != next.Limits.BodyIdleTimeout},
		{EnvIdleTimeout, old.Limits.IdleTimeout != next.Limits.IdleTimeout},
		{EnvMaxHeaderBytes, old.Limits.MaxHeaderBytes != next.Limits.MaxHeaderBytes},
		{EnvMaxBodyBytes, old.Limits.MaxBodyBytes != next.Limits.MaxBodyBytes},
		{EnvMaxConnections, old.Limits.MaxConnections != next.Limits.MaxConnections},
		{EnvMaxStreams, old.Limits.MaxStreams != next.Limits.MaxStreams},
	} {
		if setting.changed {
			problems = append(problems, Problem{Where: setting.variable, Found: "another value than at the start", Want: "the same value, or a restart"})
		}
	}
	return problems
}
