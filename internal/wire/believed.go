package wire

import "strings"

// Believed is a request header that applications or their frameworks believe or obey,
// although every client can write it. If Name ends in a hyphen, it stands for all headers
// whose names begin with it.
type Believed struct {
	// Name is in the usual spelling.
	Name string
	// By says who believes it, or what it says.
	By string
	// Whose says who may write it.
	Whose Whose
}

// Whose says who may write a header for an application.
type Whose uint8

const (
	// Anybody may write the header: no application believes it.
	Anybody Whose = iota
	// Proxies may write it: it says what they know of a client. It passes from a trusted
	// peer.
	Proxies
	// Nobody may write it, unless a configuration says so: it changes what an
	// application does with a request that was judged as another one. Proxies pass it
	// on from their clients.
	Nobody
	// Us means that clerkgate writes it, or that it is about one connection.
	Us
)

// BelievedHeaders lists the headers and families that are believed, first those that
// clerkgate writes.
func BelievedHeaders() []Believed { return append([]Believed(nil), believed[:]...) }

// believed is the table of [BelievedHeaders]. A further header is a further row.
//
// Sources: Rack (request.rb, sendfile.rb), Rails (remote_ip.rb), Django (http/request.py,
// contrib/auth/middleware.py), gunicorn (settings forwarder_headers and
// secure_scheme_headers), Express's method-override and request-ip, Symfony (Request.php,
// BinaryFileResponse.php), Yii (web/Request.php), Laminas (PhpEnvironment/Request.php),
// Spring (ForwardedHeaderFilter), Jetty (ForwardedRequestCustomizer), Tomcat (SSLValve,
// RemoteIpValve), WebLogic and WebSphere (their plug-ins for web servers), ASP.NET Core
// (ForwardedHeaders, HttpMethodOverride), IIS (URL Rewrite), Next.js (server-ipc), and
// the guides of the networks that deliver to applications.
var believed = [...]Believed{ //nolint:gochecknoglobals // it never changes
	{"X-Clerk-", "applications behind clerkgate", Us},
	{"X-Forwarded-", "nearly all", Us},
	{"X-Forwarded", "request-ip", Us},
	{"Forwarded", "RFC 7239", Us},
	{"X-Real-IP", "chi, gin, echo, Tornado", Us},
	{"X-Request-ID", "Rails, Phoenix, and logs", Us},

	{"Client-IP", "Rails, CakePHP, WordPress", Proxies},
	{"X-Client-IP", "request-ip, Azure", Proxies},
	{"X-Cluster-Client-IP", "request-ip, Rackspace", Proxies},
	{"X-Originating-IP", "mail gateways", Proxies},
	{"X-ProxyUser-IP", "ad networks", Proxies},
	{"True-Client-IP", "chi, Akamai, Cloudflare", Proxies},
	{"Forwarded-For", "request-ip, WordPress", Proxies},
	{"CF-Connecting-IP", "Cloudflare", Proxies},
	{"CF-Connecting-IPv6", "Cloudflare", Proxies},
	{"CF-Pseudo-IPv4", "Cloudflare", Proxies},
	{"CF-Visitor", "Cloudflare: the scheme", Proxies},
	{"CloudFront-Forwarded-Proto", "CloudFront", Proxies},
	{"CloudFront-Viewer-Address", "CloudFront", Proxies},
	{"DO-Connecting-IP", "DigitalOcean", Proxies},
	{"Fastly-Client-IP", "Fastly", Proxies},
	{"Fastly-SSL", "Fastly: the scheme", Proxies},
	{"Fly-Client-IP", "Fly.io", Proxies},
	{"Fly-Forwarded-", "Fly.io: scheme and port", Proxies},
	{"X-Appengine-User-IP", "App Engine", Proxies},
	{"X-Appengine-Remote-Addr", "App Engine", Proxies},
	{"X-Azure-ClientIP", "Azure Front Door", Proxies},
	{"X-Azure-SocketIP", "Azure Front Door", Proxies},
	{"X-Envoy-External-Address", "Envoy", Proxies},
	{"X-NF-Client-Connection-IP", "Netlify", Proxies},
	{"X-Vercel-Forwarded-For", "Vercel", Proxies},

	{"Front-End-Https", "Yii, WordPress, IIS: the scheme", Proxies},
	{"X-ARR-SSL", "IIS: the scheme", Proxies},
	{"X-Proxied-Https", "Jetty: the scheme", Proxies},
	{"X-Scheme", "Tornado, ingress-nginx", Proxies},
	{"X-Url-Scheme", "Ruby and Node libraries", Proxies},
	{"X-Original-For", "ASP.NET Core", Proxies},
	{"X-Original-Forwarded-For", "ingress-nginx", Proxies},
	{"X-Original-Host", "ASP.NET Core, Yii", Proxies},
	{"X-Original-Prefix", "ASP.NET Core", Proxies},
	{"X-Original-Proto", "ASP.NET Core", Proxies},
	{"Proxy-", "WebLogic, Jetty", Proxies},
	{"WL-Proxy-", "WebLogic: address, scheme and certificate", Proxies},
	{"$WS", "WebSphere: address, scheme, certificate and user", Proxies},

	{"Client-Cert", "RFC 9440", Proxies},
	{"Client-Cert-Chain", "RFC 9440", Proxies},
	{"SSL-", "Tomcat: certificates", Proxies},
	{"X-SSL-", "certificates", Proxies},
	{"X-Client-Cert", "certificates", Proxies},
	{"X-ARR-ClientCert", "ASP.NET Core on Azure", Proxies},
	{"X-Amzn-Mtls-", "AWS: certificates", Proxies},

	{"Remote-", "Django, Authelia: user and address", Proxies},
	{"X-Remote-", "Kubernetes, Rails: user and address", Proxies},
	{"X-WebAuth-", "Grafana: the user", Proxies},
	{"X-Auth-Request-", "oauth2-proxy: the user", Proxies},
	{"X-Authentik-", "authentik: the user", Proxies},
	{"X-MS-Client-Principal", "Azure: the user", Proxies},
	{"X-MS-Client-Principal-", "Azure: the user", Proxies},
	{"X-Goog-Authenticated-User-", "Google IAP: the user", Proxies},
	{"CF-Access-Authenticated-User-Email", "Cloudflare Access: the user", Proxies},
	{"Tailscale-User-", "Tailscale: the user", Proxies},

	{"X-HTTP-Method-Override", "Rack, Symfony, Laravel, Express, ASP.NET Core, echo: another method", Nobody},
	{"X-HTTP-Method", "Express, OData: another method", Nobody},
	{"X-Method-Override", "Express: another method", Nobody},
	{"X-Original-URL", "IIS, Laminas: another path", Nobody},
	{"X-Original-URI", "nginx recipes: another path", Nobody},
	{"X-Original-Method", "nginx recipes: another method", Nobody},
	{"X-Rewrite-URL", "IIS, Yii, Laminas: another path", Nobody},
	{"X-Envoy-Original-Path", "Envoy: another path", Nobody},
	{"X-HTTP-Host-Override", "PHP applications: another host", Nobody},
	{"Script-Name", "gunicorn: another path", Nobody},
	{"Path-Info", "gunicorn: another path", Nobody},
	{"X-Script-Name", "Flask recipes: another path", Nobody},
	{"X-Sendfile-Type", "Rack, Symfony: another file", Nobody},
	{"X-Accel-Mapping", "Rack, Symfony: another file", Nobody},
	{"X-Matched-Path", "Next.js: another path", Nobody},
	{"X-Now-Route-Matches", "Next.js: another path", Nobody},
	{"X-Middleware-Next", "Next.js: skips checks", Nobody},
	{"X-Middleware-Override-Headers", "Next.js: other headers", Nobody},
	{"X-Middleware-Redirect", "Next.js", Nobody},
	{"X-Middleware-Request-", "Next.js: other headers", Nobody},
	{"X-Middleware-Rewrite", "Next.js: another path", Nobody},
	{"X-Middleware-Set-Cookie", "Next.js", Nobody},
	{"X-Middleware-Skip", "Next.js: skips checks", Nobody},
	{"X-Middleware-Subrequest", "Next.js: skips checks", Nobody},
	{"X-React-Router-Prerender-Data", "React Router: other data", Nobody},
	{"X-React-Router-SPA-Mode", "React Router: another page", Nobody},
}

// isFamily reports whether a row stands for all names that begin as its own.
func (b *Believed) isFamily() bool { return strings.HasSuffix(b.Name, "-") || b.Name == "$WS" }
