package routes

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/clerkgate/clerkgate/internal/problem"
	"github.com/clerkgate/clerkgate/internal/wire"
)

// maxSocketPath is what Linux allows in the name of a Unix socket, in bytes.
const maxSocketPath = 107

// ParseUpstream reads where an application listens: http://host[:port],
// https://host[:port] or unix:/path, without a path of its own. It returns the URL
// in its one form, host in lower case. The error is a [*problem.Problem].
func ParseUpstream(s string) (*url.URL, error) {
	const want = "http://127.0.0.1:3000, https://host or unix:/path/to.sock"
	u, err := url.Parse(s)
	p := &problem.Problem{Found: problem.QuoteURL(s), Want: want}
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "unix":
		return nil, p
	case u.User != nil:
		p.Found = "a URL with a user"
		return nil, p
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		p.Found = "a URL with a query or a fragment"
		return nil, p
	case u.Scheme == "unix":
		if u.Host != "" || u.Opaque != "" || len(u.Path) < 2 || len(u.Path) > maxSocketPath {
			p.Want = fmt.Sprintf("unix: and the socket's absolute path, of %d bytes at most", maxSocketPath)
			return nil, p
		}
		return &url.URL{Scheme: "unix", Path: u.Path, RawPath: u.RawPath, OmitHost: true}, nil
	case u.Path != "" && u.Path != "/":
		p.Found += ", with a path"
		p.Want = want + ": paths go to the application as they are"
		return nil, p
	}
	_, host, ok := wire.CanonicalHost(u.Host)
	if !ok {
		p.Found += ", whose host or port is not valid"
		return nil, p
	}
	return &url.URL{Scheme: u.Scheme, Host: host}, nil
}

// ValidServerName says whether s can be the name in a certificate: a host without
// port.
func ValidServerName(s string) bool {
	name, host, ok := wire.CanonicalHost(s)
	return ok && name == host
}

// upstreams reads the upstreams. One with a problem is there all the same, so that
// no route complains of it too.
func (p *parser) upstreams(v value) map[string]Upstream {
	all := make(map[string]Upstream)
	v.each(func(name string, key, field value) {
		if !isName(name) {
			key.problem("the name "+quote(name), "letters, digits, - and _, 64 at most", "")
			return
		}
		all[name] = p.upstream(field)
	})
	if len(all) > maxUpstreams {
		v.problem(fmt.Sprintf("%d upstreams", len(all)), fmt.Sprintf("%d at most", maxUpstreams), "")
	}
	return all
}

// listens is what is expected where an upstream's address is missing.
const listens = "where the application listens, such as http://127.0.0.1:3000"

func (p *parser) upstream(v value) Upstream {
	if u, short := v.upstreamURL(); short {
		return Upstream{URL: u}
	}
	if v.node.Kind != yaml.MappingNode {
		v.problem(v.found(), listens, "")
		return Upstream{}
	}
	var u Upstream
	f := readMapping(v, upstreamKeys(), &u)
	if _, present := f["url"]; !present {
		v.problem("an upstream without url", "url: and "+listens, "")
	}
	checkUpstream(u, f)
	return u
}

func upstreamKeys() []key[Upstream] {
	return []key[Upstream]{
		{
			name: "url", required: true, help: "`http://host:port`, `https://host` or `unix:/path/to.sock`, without user, path and query.",
			read: func(v value, u *Upstream) {
				var ok bool
				if u.URL, ok = v.upstreamURL(); !ok {
					v.problem(v.found(), listens, "")
				}
			},
		},
		{
			name: "protocol", unset: "HTTP/1.1, and over TLS what is negotiated",
			help: "The version of HTTP: `http1`, `http2` (over TLS) or `h2c` (without).",
			read: func(v value, u *Upstream) {
				u.Protocol = Protocol(v.choice([]string{string(ProtocolHTTP1), string(ProtocolHTTP2), string(ProtocolH2C)}))
			},
		},
		{
			name: "ca_file", read: func(v value, u *Upstream) { u.CAFile = v.path() }, unset: "the system's",
			help: "PEM file of the authorities that may have signed the application's certificate.",
		},
		{
			name: "certificate_file", read: func(v value, u *Upstream) { u.CertificateFile = v.path() },
			help: "PEM file of the client certificate; goes with `key_file`.",
		},
		{
			name: "key_file", read: func(v value, u *Upstream) { u.KeyFile = v.path() },
			help: "PEM file of the client certificate's key.",
		},
		{
			name: "server_name", unset: "the URL's host", help: "The name that the application's certificate must have.",
			read: func(v value, u *Upstream) {
				u.ServerName, _ = v.matched("the name in the upstream's certificate, such as app.internal", ValidServerName)
			},
		},
		{
			name: "host", unset: "`CLERKGATE_UPSTREAM_HOST`", help: "The `Host` that the application gets: `browser`, `upstream` (the URL's), or a name.",
			read: func(v value, u *Upstream) {
				if s, ok := v.text(wantHost); ok {
					var err error
					if u.Host, err = UpstreamHost(s); err != nil {
						v.report(problem.At(v.key, err))
					}
				}
			},
		},
		{
			name: "connect_timeout", read: func(v value, u *Upstream) { u.ConnectTimeout = v.duration(time.Millisecond, time.Hour) },
			unset: "`CLERKGATE_UPSTREAM_CONNECT_TIMEOUT`", help: "How long a connection may take to be made.",
		},
		{
			name: "response_timeout", read: func(v value, u *Upstream) { u.ResponseTimeout = v.duration(time.Millisecond, 24*time.Hour) },
			unset: "`CLERKGATE_UPSTREAM_TIMEOUT`", help: "How long the answer's header may take.",
		},
		{
			name: "body_idle_timeout", read: func(v value, u *Upstream) { u.BodyIdleTimeout = v.duration(time.Millisecond, 24*time.Hour) },
			unset: "`CLERKGATE_UPSTREAM_BODY_IDLE_TIMEOUT`", help: "How long the application may send nothing in the middle of an answer.",
		},
		{
			name: "idle_timeout", read: func(v value, u *Upstream) { u.IdleTimeout = v.duration(time.Millisecond, 24*time.Hour) },
			unset: "`CLERKGATE_UPSTREAM_IDLE_TIMEOUT`", help: "How long a connection stays open between requests.",
		},
		{
			name: "max_connection_age", read: func(v value, u *Upstream) { u.MaxConnectionAge = v.duration(time.Second, 24*time.Hour) },
			unset: "`CLERKGATE_UPSTREAM_MAX_CONNECTION_AGE`", help: "How old a connection may be and still be used again.",
		},
	}
}

const wantHost = "browser, upstream, or a host with or without a port, such as app.internal"

// UpstreamHost reads the Host header that an upstream gets. The error is a
// [*problem.Problem].
func UpstreamHost(s string) (string, error) {
	if s == HostBrowser || s == HostUpstream {
		return s, nil
	}
	_, host, ok := wire.CanonicalHost(s)
	if !ok {
		return "", &problem.Problem{Found: quote(s), Want: wantHost}
	}
	return host, nil
}

// HostHeader returns the Host header that an upstream gets, or "" for the browser's.
func (u *Upstream) HostHeader() string {
	switch u.Host {
	case "", HostBrowser:
		return ""
	case HostUpstream:
		if target, err := url.Parse(u.URL); err == nil && target.Host != "" {
			return target.Host
		}
		return "localhost"
	default:
		return u.Host
	}
}

// checkUpstream finds keys that contradict each other.
func checkUpstream(u Upstream, f map[string]value) {
	for _, pair := range [][2]string{{"certificate_file", "key_file"}, {"key_file", "certificate_file"}} {
		if one, other := f[pair[0]], f[pair[1]]; one.given() && !other.given() {
			one.problem(pair[0]+" without "+pair[1], "both, or none", "")
		}
	}
	if u.URL == "" {
		return
	}
	if strings.HasPrefix(u.URL, "https:") {
		if u.Protocol == ProtocolH2C {
			f["protocol"].problem("h2c, which is HTTP/2 without TLS, for an https URL", "http2, or no protocol", "")
		}
		return
	}
	if u.Protocol == ProtocolHTTP2 {
		f["protocol"].problem("http2, which needs TLS, for a URL without", "h2c, or an https URL", "")
	}
	for _, key := range []string{"ca_file", "certificate_file", "key_file", "server_name"} {
		if f[key].given() {
			f[key].problem(key+" for a URL without TLS", "an https URL, or nothing", "")
		}
	}
}

// upstreamURL reads where an application listens. ok is false if v is not a text. A text
// that is not valid is reported.
func (v value) upstreamURL() (origin string, ok bool) {
	if v.node.Kind != yaml.ScalarNode || v.node.ShortTag() != "!!str" {
		return "", false
	}
	s, ok := v.text("where the application listens, such as http://127.0.0.1:3000")
	if !ok {
		return "", true
	}
	u, err := ParseUpstream(s)
	if err != nil {
		v.report(problem.At(v.key, err))
		return "", true
	}
	return u.String(), true
}
