package settings

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/clerkgate/clerkgate/internal/crossorigin"
	"github.com/clerkgate/clerkgate/internal/problem"
	"github.com/clerkgate/clerkgate/middleware"
	"github.com/clerkgate/clerkgate/proxy/routes"
)

//go:generate go test github.com/clerkgate/clerkgate/internal/test/house -run Tables -update

// Names that are used outside of their row.
const (
	EnvPublishableKey     = "CLERK_PUBLISHABLE_KEY"
	EnvSecretKey          = "CLERK_SECRET_KEY"
	EnvJWTKey             = "CLERK_JWT_KEY"
	EnvFAPIURL            = "CLERK_FAPI_URL"
	EnvSatelliteAutoSync  = "CLERK_SATELLITE_AUTO_SYNC"
	EnvSignInURL          = "CLERK_SIGN_IN_URL"
	EnvSignUpURL          = "CLERK_SIGN_UP_URL"
	EnvAfterSignOutURL    = "CLERKGATE_AFTER_SIGN_OUT_URL"
	EnvWebhookSecret      = "CLERK_WEBHOOK_SIGNING_SECRET"
	EnvProxyURL           = "CLERK_PROXY_URL"
	EnvListen             = "CLERKGATE_LISTEN"
	EnvAdminListen        = "CLERKGATE_ADMIN_LISTEN"
	EnvAdminPages         = "CLERKGATE_ADMIN_PAGES"
	EnvAdminToken         = "CLERKGATE_ADMIN_TOKEN"
	EnvAdminClientCAFile  = "CLERKGATE_ADMIN_CLIENT_CA_FILE"
	EnvExtAuthzListen     = "CLERKGATE_EXT_AUTHZ_LISTEN"
	EnvUpstream           = "CLERKGATE_UPSTREAM"
	EnvConfig             = "CLERKGATE_CONFIG"
	EnvPages              = "CLERKGATE_PAGES"
	EnvPolicy             = "CLERKGATE_POLICY"
	EnvPublicPaths        = "CLERKGATE_PUBLIC_PATHS"
	EnvProxyProtocol      = "CLERKGATE_PROXY_PROTOCOL"
	EnvCSRF               = "CLERKGATE_CSRF"
	EnvTrustedOrigins     = "CLERKGATE_TRUSTED_ORIGINS"
	EnvRefresh            = "CLERKGATE_REFRESH"
	EnvKeepHeaders        = "CLERKGATE_KEEP_HEADERS"
	EnvClaimHeaders       = "CLERKGATE_CLAIM_HEADERS"
	EnvEnrich             = "CLERKGATE_ENRICH"
	EnvEnrichTTL          = "CLERKGATE_ENRICH_TTL"
	EnvAuthorizedParties  = "CLERKGATE_AUTHORIZED_PARTIES"
	EnvTrustedProxies     = "CLERKGATE_TRUSTED_PROXIES"
	EnvSessionLookup      = "CLERKGATE_SESSION_LOOKUP"
	EnvSessionLookupTTL   = "CLERKGATE_SESSION_LOOKUP_TTL"
	EnvStore              = "CLERKGATE_STORE"
	EnvStoreKeys          = "CLERKGATE_STORE_KEYS"
	EnvTLSCertFile        = "CLERKGATE_TLS_CERT_FILE"
	EnvTLSKeyFile         = "CLERKGATE_TLS_KEY_FILE"
	EnvH2C                = "CLERKGATE_H2C"
	EnvUpstreamProtocol   = "CLERKGATE_UPSTREAM_PROTOCOL"
	EnvUpstreamCAFile     = "CLERKGATE_UPSTREAM_CA_FILE"
	EnvUpstreamCertFile   = "CLERKGATE_UPSTREAM_CERT_FILE"
	EnvUpstreamKeyFile    = "CLERKGATE_UPSTREAM_KEY_FILE"
	EnvUpstreamServerName = "CLERKGATE_UPSTREAM_SERVER_NAME"
	EnvUpstreamWait       = "CLERKGATE_UPSTREAM_WAIT"
	EnvReadyUpstream      = "CLERKGATE_READY_UPSTREAM"
	EnvLogFormat          = "CLERKGATE_LOG_FORMAT"
	EnvAccessLog          = "CLERKGATE_ACCESS_LOG"
	EnvAccessLogFields    = "CLERKGATE_ACCESS_LOG_FIELDS"
	EnvAuditLog           = "CLERKGATE_AUDIT_LOG"
	EnvAccessLogSample    = "CLERKGATE_ACCESS_LOG_SAMPLE"
)

// table returns a row for each variable, with the field of c that it fills, in the order of
// the documentation. Loading, defaults, help, the check of a reload, and the pages of the
// documentation all read this table.
func (c *Config) table() []row {
	return slices.Concat(c.gateRows(), c.serverRows(), c.logRows(), c.clerkRows())
}

// gateRows are about where requests arrive, how they are judged, and what replicas share.
func (c *Config) gateRows() []row {
	auth := &c.Auth
	return []row{
		{
			name: EnvPublishableKey, value: text(&auth.PublishableKey, "key", ""), option: "PublishableKey", required: true,
			help: "The instance's publishable key, `pk_test_…` or `pk_live_…`; it holds the Frontend API's host.",
		},
		{
			name: EnvSecretKey, value: text(&auth.SecretKey, "key", ""), option: "SecretKey", required: true, secret: true, reloads: true,
			help: "The instance's secret key, `sk_test_…` or `sk_live_…`, of the same kind of instance.",
		},
		{
			name: EnvSecretKey + fileSuffix, value: secretFile(&auth.SecretKey), reloads: true,
			help: "A file with the secret key, in place of `CLERK_SECRET_KEY`; read again by a reload.",
		},
		{
			name: EnvUpstream, value: parsed(&c.Upstream, "URL", "", isZero[*url.URL], readUpstream), required: true, reloads: true,
			help: "Where the application listens: `http://host:port`, `https://host` or `unix:/path/to.sock`; `none` when only gateways ask.",
		},
		{
			name: EnvListen, value: addresses(&c.Listen, ":8080"),
			help: "Where requests come in: `:8080`, `127.0.0.1:8080`, a Unix socket (`unix:/run/clerkgate.sock?mode=0660`), or sockets of systemd (`systemd`, or `systemd:name`).",
		},
		{
			name: EnvAdminListen, value: addresses(&c.AdminListen, "127.0.0.1:9090"),
			help: "Where `/healthz`, `/readyz` and the pages for operators below `/-/` are. Where other machines reach it, the latter need a token or client certificates.",
		},
		{
			name: EnvAdminPages, value: word(&c.AdminPages, AdminAll, AdminProbes),
			help: "`all`, or `probes` for `/healthz` and `/readyz` alone.",
		},
		{
			name: EnvAdminToken, value: parsed(&c.AdminToken, "token", "", isZero, readAdminToken), secret: true, unset: "the pages are for this machine alone",
			help: "What requests to the pages for operators must have as `Authorization: Bearer …`, from this machine too: at least 32 random characters (`openssl rand -hex 32`). `/healthz` and `/readyz` never need it.",
		},
		{
			name: EnvAdminToken + fileSuffix, value: adminTokenFile(&c.AdminToken),
			help: "A file with that token, in place of `CLERKGATE_ADMIN_TOKEN`.",
		},
		{
			name: EnvAdminClientCAFile, value: pemFile(&c.AdminClientCAFile),
			help: "Authorities whose client certificates count as well as the token. The admin listener then speaks HTTPS, with the certificate of `CLERKGATE_TLS_CERT_FILE`; probes need no client certificate.",
		},
		{
			name: EnvConfig, value: routesFile(&c.Routes), reloads: true,
			help: "A routes file: which hosts and paths lead where, and what they ask for. `clerkgate check` reads it, `clerkgate explain` tells which route applies.",
		},
		{
			name: EnvPages, value: text(&c.Pages, "folder", ""), unset: "clerkgate's own pages", reloads: true,
			help: "A folder with templates for the pages that people get in place of an answer of the application: one for a status (`403.html`), `default.html` for the rest; `docs/pages.md` says what they get.",
		},
		{
			name: EnvPolicy, value: word(&c.Policy, PolicyRequired, PolicyOptional), reloads: true,
			help: "`required`: signed-out requests are answered here. `optional`: they reach the application, told apart by the headers.",
		},
		{
			name: EnvPublicPaths, value: list(&c.PublicPaths, "paths", "", readPublicPath), reloads: true,
			help: "Paths that need no session: exact (`/health`), or everything below (`/assets/*`).",
		},
		{
			name: EnvAuthorizedParties, value: list(&auth.AuthorizedParties, "origins", "", crossorigin.Parse), option: "AuthorizedParties", unset: "any",
			help: "Origins whose tokens are accepted (claim `azp`). Set it in production.",
		},
		{
			name: "CLERKGATE_AUDIENCE", value: list(&auth.Audience, "texts", "", unchecked), option: "Audience", unset: "any",
			help: "Audiences that are accepted (claim `aud`).",
		},
		{
			name: "CLERKGATE_ISSUER", value: list(&auth.Issuer, "texts", "", unchecked), option: "Issuer", unset: "any",
			help: "Issuers of session tokens that are accepted (claim `iss`), such as `https://clerk.example.com`; seldom needed, since the instance's keys decide.",
		},
		{
			name: "CLERKGATE_ACCEPTS_TOKEN", option: "AcceptsToken",
			value: list(&auth.AcceptsToken, "token types", string(middleware.SessionToken), func(s string) (middleware.TokenType, error) { return middleware.TokenType(s), nil }),
			help:  "What may authenticate: `session_token`, `api_key`, `m2m_token`, `oauth_token`; or `any`. With `oauth_token`, OAuth clients such as those of MCP find Clerk on their own (RFC 9728).",
		},
		{
			name: EnvTrustedProxies, value: list(&auth.TrustedProxies, "networks", "", readPeers), option: "TrustedProxies", unset: "none",
			help: "Peers whose `X-Forwarded-*` headers are believed, as CIDRs or addresses. A peer on a Unix socket counts as `127.0.0.1`.",
		},
		{
			name: EnvProxyProtocol, value: choice(&c.ProxyProtocol, "off", []string{"off", "on"}, func(s string) bool { return s == "on" }),
			help: "`on`: peers in `CLERKGATE_TRUSTED_PROXIES` must begin each connection with a header of the PROXY protocol, version 1 or 2, which holds the client's address. Such a header from another peer is refused.",
		},
		{
			name: EnvCSRF, value: choice(&c.CSRF.Off, "on", []string{"on", "off"}, func(s string) bool { return s == "off" }), reloads: true,
			help: "`on`: pages of other sites cannot act with the user's cookies (`POST` and the like, WebSockets). `off`: the application sees to it.",
		},
		{
			name: EnvTrustedOrigins, value: list(&c.CSRF.TrustedOrigins, "origins", "", crossorigin.Parse), reloads: true,
			help: "Origins whose pages may act all the same.",
		},
		{
			name: EnvRefresh, value: word(&c.Refresh, routes.RefreshAuto, routes.RefreshDocuments, routes.RefreshAll), reloads: true,
			help: "For which requests an expired session is renewed. `auto`: for every method, so that a form arrives that was sent long after its page was loaded, but only for `GET` where the guard of `CLERKGATE_CSRF` is off. `documents`: only for `GET`, as by Clerk's SDK. `all`: for every method, even without the guard.",
		},
		{
			name: EnvKeepHeaders, value: list(&c.KeepHeaders, "headers", "", routes.KeptHeader), reloads: true, unset: "none",
			help: "Headers that pass as the client sent them though frameworks believe or obey them, such as `X-HTTP-Method-Override`.",
		},
		{
			name: EnvClaimHeaders, value: list(&c.ClaimHeaders, "headers", "", routes.ParseClaimHeader), reloads: true, unset: "none",
			help: "Headers made of the session's claims, such as `X-Forwarded-Email=email, X-User-Name={first_name} {last_name}`: a name, and the path of a claim or a text with such paths in braces. A client's own are removed.",
		},
		{
			name: EnvEnrich, value: word(&c.Enrich, routes.EnrichNone, routes.EnrichUser), reloads: true,
			help: "Where claim headers get what the claims lack. `user`: from Clerk's user (`id`, `email`, `phone`, `username`, `first_name`, `last_name`, `image_url`, `external_id`, `public_metadata`). `none`: from nowhere.",
		},
		{
			name: EnvEnrichTTL, value: duration(&c.EnrichTTL, "5m"),
			help: "How old what is known of a user may become.",
		},
		{
			name: "CLERKGATE_FORWARD_AUTH_PATH", value: parsed(&c.ForwardAuthPath, "path", "", isZero, readOwnPath),
			unset: "off; with `CLERKGATE_UPSTREAM=none`, `" + defaultForwardAuthPath + "`",
			help:  "Where nginx, Traefik, Caddy, HAProxy and Envoy ask; only those in `CLERKGATE_TRUSTED_PROXIES` may.",
		},
		{
			name: EnvExtAuthzListen, value: addresses(&c.ExtAuthzListen, ""), unset: "off",
			help: "Where Envoy asks over gRPC (ext_authz), such as `127.0.0.1:9191`.",
		},
		{
			name: EnvSessionLookup, option: "SessionLookup",
			value: choice(&auth.SessionLookup, "off", []string{"off", string(middleware.LookupCached)}, func(s string) middleware.SessionLookup {
				return middleware.SessionLookup(strings.TrimPrefix(s, "off"))
			}),
			help: "`cached`: a live token's session is looked up at Clerk too, so that an ended session stops early.",
		},
		{
			name: EnvSessionLookupTTL, value: duration(&auth.SessionLookupTTL, problem.Duration(middleware.DefaultSessionLookupTTL)), option: "SessionLookupTTL",
			help: "How long a looked-up session is believed.",
		},
		{
			name: "CLERKGATE_OUTAGE", option: "Outage",
			value: choice(&auth.Outage, "hold", []string{"hold", string(middleware.OutageHandshake)}, func(s string) middleware.Outage {
				return middleware.Outage(strings.TrimPrefix(s, "hold"))
			}),
			help: "While Clerk is down, and only Clerk can tell: `hold` answers 503 with a page that reloads itself, so that nobody is signed out. `handshake` sends browsers to Clerk and answers programs 401 all the same, as Clerk's SDK does.",
		},
		{
			name: "CLERKGATE_OUTAGE_GRACE", value: parsed(&auth.OutageGrace, "duration", "", isZero, readDelay), option: "OutageGrace", unset: "none",
			help: "How long expired sessions still count while both of Clerk's APIs are down, such as `15m`; at most `24h`. The application gets `X-Clerk-Auth-Stale`.",
		},
		{
			name: "CLERKGATE_OUTAGE_GRACE_UNSAFE", value: boolean(&auth.OutageGraceUnsafe), option: "OutageGraceUnsafe",
			help: "`true`: not for `GET`, `HEAD` and `OPTIONS` alone.",
		},
		{
			name: "CLERKGATE_BACKEND_RATE_LIMIT", option: "BackendRateLimit",
			value: number(&auth.BackendRateLimit, strconv.Itoa(middleware.DefaultBackendRateLimit), 1_000_000),
			help:  "How many calls in ten seconds Clerk's Backend API takes from this server; with several replicas, each one's part. What needs no account gets less than a third of it.",
		},
		{
			name: EnvStore, value: text(&c.Store, "URL", ""), unset: "each replica works for itself", secret: true,
			help: "What several replicas share, in Redis: `redis://host:6379`, `rediss://user:password@host:6379`, `unix:/run/redis.sock`, `redis+sentinel://host:26379,host:26379/mymaster` or `redis+cluster://host:6379,host:6379`. `docs/replicas.md` has the parameters. A store that fails signs nobody out.",
		},
		{
			name: EnvStore + fileSuffix, value: secretFile(&c.Store),
			help: "A file with that URL, in place of `CLERKGATE_STORE`.",
		},
		{
			name: EnvStoreKeys, value: text(&c.StoreKeys, "list of keys, in base64", ""), unset: "a key derived from the secret key", secret: true,
			help: "Keys that what is stored is encrypted with, of at least 32 random bytes each (`openssl rand -base64 32`): the first one encrypts, all decrypt, so that keys can be replaced while replicas serve.",
		},
		{
			name: EnvStoreKeys + fileSuffix, value: secretFile(&c.StoreKeys),
			help: "A file with those keys, in place of `CLERKGATE_STORE_KEYS`.",
		},
		{
			name: "CLERKGATE_CLOCK_SKEW", option: "ClockSkew",
			value: parsed(&auth.ClockSkew, "duration", problem.Duration(middleware.DefaultClockSkew), isZero, func(s string) (time.Duration, error) {
				if d, err := time.ParseDuration(s); err == nil && d == 0 {
					return middleware.NoClockSkew, nil
				}
				return readDuration(s)
			}),
			help: "How far Clerk's clock and this one may differ; `0s` for not at all.",
		},
		{
			name: "CLERKGATE_TOKEN_CACHE_SIZE", option: "TokenCacheSize",
			value: number(&auth.TokenCacheSize, strconv.Itoa(middleware.DefaultTokenCacheSize), maxTokenCacheSize),
			help:  "How many verified tokens are remembered.",
		},
		{
			name: "CLERKGATE_ORGANIZATION_PATTERNS", value: list(&auth.OrganizationPatterns, "path patterns", "", unchecked), option: "OrganizationPatterns",
			help: "Paths, such as `/orgs/:slug/(.*)`, whose `:id` or `:slug` names the organization that must be active.",
		},
		{
			name: "CLERKGATE_PERSONAL_ACCOUNT_PATTERNS", value: list(&auth.PersonalAccountPatterns, "path patterns", "", unchecked), option: "PersonalAccountPatterns",
			help: "Paths where no organization may be active.",
		},
	}
}
