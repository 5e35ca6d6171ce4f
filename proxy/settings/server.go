package settings

import (
	"github.com/clerkgate/clerkgate/proxy/routes"
)

// serverRows are about connections from clients and to applications.
func (c *Config) serverRows() []row {
	up, limits := &c.UpstreamSettings, &c.Limits
	return []row{
		{
			name: EnvTLSCertFile, value: pemFile(&c.TLSCertificateFile),
			help: "Serve HTTPS and HTTP/2 with this certificate and its chain; read again when it changes.",
		},
		{
			name: EnvTLSKeyFile, value: pemFile(&c.TLSKeyFile),
			help: "The certificate's private key.",
		},
		{
			name: EnvH2C, value: boolean(&c.H2C),
			help: "`true`: clients may begin with HTTP/2 without TLS.",
		},
		{
			name: "CLERKGATE_READ_HEADER_TIMEOUT", value: duration(&limits.ReadHeaderTimeout, "10s"),
			help: "How long the header of a request, and the TLS handshake, may take.",
		},
		{
			name: "CLERKGATE_BODY_IDLE_TIMEOUT", value: duration(&limits.BodyIdleTimeout, "1m"),
			help: "How long a client may send nothing of a body, or take nothing of an answer.",
		},
		{
			name: "CLERKGATE_IDLE_TIMEOUT", value: duration(&limits.IdleTimeout, "2m"),
			help: "How long a connection stays open between requests.",
		},
		{
			name: "CLERKGATE_READY_WHEN", value: word(&c.ReadyWhen, ReadyWithKeys, ReadyAlways),
			help: "When `/readyz` answers 200: with `keys` once tokens can be verified, which after a start takes Clerk unless `CLERK_JWT_KEY` is set; `always` even without. Its body says which parts of Clerk are down.",
		},
		{
			name: EnvReadyUpstream, value: boolean(&c.ReadyUpstream),
			help: "`true`: `/readyz` answers 503 unless every upstream accepts connections, which is tried once a second at most.",
		},
		{
			name: "CLERKGATE_SHUTDOWN_DELAY", value: parsed(&c.ShutdownDelay, "duration", "", isZero, readDelay), unset: "none",
			help: "How long new connections are still served after `SIGTERM`, while `/readyz` already answers 503, so that load balancers can notice.",
		},
		{
			name: "CLERKGATE_SHUTDOWN_TIMEOUT", value: duration(&c.ShutdownTimeout, "20s"),
			help: "How long requests in flight and WebSockets may take to finish after that; then WebSockets are closed with status 1001. Another `SIGTERM` ends the delay, or this time, early.",
		},
		{
			name: "CLERKGATE_MAX_HEADER_BYTES", value: size(&limits.MaxHeaderBytes, "64KiB", minHeaderBytes, maxHeaderBytes),
			help: "How large the header of a request may be, else 431.",
		},
		{
			name: "CLERKGATE_MAX_BODY_BYTES", value: size(&limits.MaxBodyBytes, "", 1, maxBodyBytes), unset: "no limit",
			help: "How large the body of a request may be, such as `10MiB`, else 413.",
		},
		{
			name: "CLERKGATE_MAX_CONNECTIONS", value: number(&limits.MaxConnections, "", maxConnections), unset: "no limit",
			help: "How many connections may be open; further ones wait.",
		},
		{
			name: "CLERKGATE_MAX_STREAMS", value: number(&limits.MaxStreams, "250", maxStreams),
			help: "How many requests one connection of HTTP/2 may have at a time.",
		},
		{
			name: "CLERKGATE_UPSTREAM_HOST", value: parsed(&up.Host, "host", routes.HostBrowser, isZero, routes.UpstreamHost), reloads: true,
			help: "The `Host` that the application gets: `browser` (as the browser wrote it), `upstream` (as in `CLERKGATE_UPSTREAM`), or a name. `X-Forwarded-Host` is always the browser's.",
		},
		{
			name: "CLERKGATE_UPSTREAM_CONNECT_TIMEOUT", value: duration(&up.ConnectTimeout, "10s"), reloads: true,
			help: "How long connecting to the application may take, else 504.",
		},
		{
			name: EnvUpstreamWait, value: parsed(&c.UpstreamWait, "duration", "", isZero, readDelay), unset: "none",
			help: "How long a start waits for an application that accepts no connections yet, such as `1m`: its requests get 503 with `Retry-After` in place of 502, and so does `/readyz`.",
		},
		{
			name: "CLERKGATE_UPSTREAM_TIMEOUT", value: duration(&c.UpstreamTimeout, "1m"), reloads: true,
			help: "How long the application may take to begin its answer, or take nothing of a request's body, else 504.",
		},
		{
			name: "CLERKGATE_UPSTREAM_BODY_IDLE_TIMEOUT", value: duration(&up.BodyIdleTimeout, "5m"), reloads: true,
			help: "How long the application may send nothing in the middle of an answer. Event streams, gRPC and WebSockets may be silent for longer.",
		},
		{
			name: "CLERKGATE_UPSTREAM_IDLE_TIMEOUT", value: duration(&up.IdleTimeout, "4s"), reloads: true,
			help: "How long a connection to the application stays open between requests: less than the application itself keeps it (5s for Node, uvicorn and Apache), or a `POST` may meet its end. A shorter `Keep-Alive` of the application counts.",
		},
		{
			name: "CLERKGATE_UPSTREAM_MAX_CONNECTION_AGE", value: duration(&up.MaxConnectionAge, "5m"), reloads: true,
			help: "How old a connection to the application may be and still be used again, so that a name that moves is followed.",
		},
		{
			name: EnvUpstreamProtocol, value: optionalWord(&up.Protocol, routes.ProtocolHTTP1, routes.ProtocolHTTP2, routes.ProtocolH2C), reloads: true,
			unset: "HTTP/1.1, and over TLS what is negotiated",
			help:  "Which HTTP the application is spoken to in: `http1`, `http2` (over TLS) or `h2c`.",
		},
		{
			name: EnvUpstreamCAFile, value: pemFile(&up.CAFile), unset: "the system's", reloads: true,
			help: "The authorities that may have signed the application's certificate.",
		},
		{
			name: EnvUpstreamCertFile, value: pemFile(&up.CertificateFile), reloads: true,
			help: "A client certificate for the application; read again when it changes.",
		},
		{
			name: EnvUpstreamKeyFile, value: pemFile(&up.KeyFile), reloads: true,
			help: "The client certificate's private key.",
		},
		{
			name: EnvUpstreamServerName, value: parsed(&up.ServerName, "host", "", isZero, readServerName), unset: "the URL's host", reloads: true,
			help: "The name that the application's certificate must have.",
		},
		{
			name: "CLERKGATE_UPSTREAM_TRANSPORT", value: word(&c.UpstreamTransport, TransportDirect, TransportStandard), reloads: true,
			help: "`direct`: HTTP/1.1 without TLS is spoken by clerkgate's own client. `standard`: by Go's.",
		},
	}
}
