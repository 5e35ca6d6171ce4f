package routes

import (
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/clerkgate/clerkgate/internal/crossorigin"
	"github.com/clerkgate/clerkgate/internal/problem"
	"github.com/clerkgate/clerkgate/internal/wire"
)

// The keys of each mapping of a routes file, as the schema has them.
var (
	fileKeys      = []string{"upstreams", "assertion", "routes"}
	upstreamKeys  = []string{"url", "protocol", "ca_file", "certificate_file", "key_file", "server_name", "connect_timeout", "response_timeout"}
	assertionKeys = []string{"key_files", "issuer", "lifetime"}
	routeKeys     = []string{"name", "match", "hosts", "methods", "auth", "accepts", "require", "unauthenticated", "upstream",
		"strip_prefix", "ambiguous_paths", "cors", "csrf", "refresh", "request_headers", "identity", "authorization",
		"token_template", "audience"}
	requireKeys = []string{"role", "permission", "feature", "plan", "reverification"}
	corsKeys    = []string{"origins", "methods", "headers", "expose", "credentials", "max_age"}
	csrfKeys    = []string{"trusted_origins"}
)

const (
	maxRoutes    = 1000
	maxUpstreams = 200
)

// Parse reads a routes file. name is the file's name, for errors, and relative names
// of files in it count from its directory; Parse itself reads nothing but data. The
// error is an [*Error] with every problem that was found. Of a file without one,
// [NewTable] makes a table without an error.
func Parse(name string, data []byte) (*Config, error) {
	p := &parser{file: name, dir: filepath.Dir(name)}
	root := p.document(data)
	if root == nil {
		return nil, p.report()
	}
	cfg := &Config{}
	file := value{p, root, ""}
	fields := file.fields(fileKeys)
	if v := fields["upstreams"]; v.given() {
		cfg.Upstreams = p.upstreams(v)
	}
	if v := fields["assertion"]; v.given() {
		cfg.Assertion = p.assertion(v)
	}
	if v := fields["routes"]; v.given() {
		cfg.Routes = p.routes(v, fields)
	} else if _, present := fields["routes"]; !present && root.Kind == yaml.MappingNode {
		file.problem("no routes", "write routes: and below it a list; what no route matches gets 404")
	}
	if err := p.report(); err != nil {
		return nil, err
	}
	return cfg, nil
}

// upstreams reads the upstreams. One with a problem is there all the same, so that
// no route complains of it too.
func (p *parser) upstreams(v value) map[string]Upstream {
	all := make(map[string]Upstream)
	v.each(func(name string, key, field value) {
		if !isName(name) {
			key.problem("the name "+quote(name), "name upstreams with letters, digits, - and _")
			return
		}
		all[name] = p.upstream(field)
	})
	if len(all) > maxUpstreams {
		v.problem(fmt.Sprintf("%d upstreams", len(all)), fmt.Sprintf("%d are the most", maxUpstreams))
	}
	return all
}

func (p *parser) upstream(v value) Upstream {
	if u, short := v.upstreamURL(); short {
		return Upstream{URL: u}
	}
	const listens = "where the application listens, such as http://127.0.0.1:3000"
	if v.node.Kind != yaml.MappingNode {
		v.problem(v.found()+", where an upstream belongs", "write "+listens)
		return Upstream{}
	}
	f := v.fields(upstreamKeys)
	var u Upstream
	if target, present := f["url"]; !present {
		v.problem("an upstream without url", "write url: and "+listens)
	} else if target.given() {
		var ok bool
		if u.URL, ok = target.upstreamURL(); !ok {
			target.problem(target.found()+", where a URL belongs", "write "+listens)
		}
	}
	u.Protocol = Protocol(f["protocol"].choice([]string{string(ProtocolHTTP1), string(ProtocolHTTP2), string(ProtocolH2C)}))
	u.CAFile, u.CertificateFile, u.KeyFile = f["ca_file"].path(), f["certificate_file"].path(), f["key_file"].path()
	u.ServerName, _ = f["server_name"].matched("the name in the upstream's certificate, such as app.internal", func(s string) bool {
		name, host, ok := wire.CanonicalHost(s)
		return ok && name == host
	})
	u.ConnectTimeout = f["connect_timeout"].duration(time.Millisecond, time.Hour)
	u.ResponseTimeout = f["response_timeout"].duration(time.Millisecond, 24*time.Hour)
	checkUpstream(u, f)
	return u
}

// checkUpstream finds what is fine alone and wrong together.
func checkUpstream(u Upstream, f map[string]value) {
	for _, pair := range [][2]string{{"certificate_file", "key_file"}, {"key_file", "certificate_file"}} {
		if one, other := f[pair[0]], f[pair[1]]; one.given() && !other.given() {
			one.problem(pair[0]+" without "+pair[1], "give both, or none")
		}
	}
	if u.URL == "" {
		return
	}
	if strings.HasPrefix(u.URL, "https:") {
		if u.Protocol == ProtocolH2C {
			f["protocol"].problem("h2c, which is HTTP/2 without TLS, for an https URL", "write http2, or take protocol out")
		}
		return
	}
	if u.Protocol == ProtocolHTTP2 {
		f["protocol"].problem("http2, which needs TLS, for a URL without", "write h2c, or give an https URL")
	}
	for _, key := range []string{"ca_file", "certificate_file", "key_file", "server_name"} {
		if f[key].given() {
			f[key].problem(key+" for a URL without TLS", "take it out, or give an https URL")
		}
	}
}

// upstreamURL reads where an application listens. ok is false when v is not even a
// text; a wrong one is reported.
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
		p := problem.At(v.key, err)
		v.problem(p.Found, "write "+p.Want)
		return "", true
	}
	return u.String(), true
}

func (p *parser) assertion(v value) *Assertion {
	f := v.fields(assertionKeys)
	a := &Assertion{Lifetime: f["lifetime"].duration(time.Second, time.Hour)}
	if _, present := f["key_files"]; !present && v.node.Kind == yaml.MappingNode {
		v.problem("an assertion without key_files", "write key_files: and the names of files with private keys; the first signs")
	}
	a.KeyFiles = f["key_files"].texts("files with private keys", func(v value) (string, bool) {
		name := v.path()
		return name, name != ""
	})
	a.Issuer, _ = f["issuer"].matched("an http or https URL, such as https://app.example.com", func(s string) bool {
		u, err := url.Parse(s)
		return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" &&
			u.User == nil && u.RawQuery == "" && !u.ForceQuery && u.Fragment == ""
	})
	return a
}

// isName says whether s can name an upstream.
func isName(s string) bool {
	return s != "" && len(s) <= 64 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == ""
}

// origins reads origins as browsers write them.
func (v value) origins(wildcard bool) []string {
	return v.texts("origins, such as https://app.example.com", func(v value) (string, bool) {
		s, ok := v.text("an origin, such as https://app.example.com")
		if !ok || wildcard && s == "*" {
			return s, ok
		}
		o, err := crossorigin.Parse(s)
		if err != nil {
			p := problem.At(v.key, err)
			v.problem(p.Found, "write "+p.Want)
		}
		return o, err == nil
	})
}

// headerNames reads names of headers in canonical spelling.
func (v value) headerNames(wildcard bool) []string {
	return v.texts("headers", func(v value) (string, bool) {
		s, ok := v.matched("the name of a header", func(s string) bool { return wire.IsToken(s) && (wildcard || s != "*") })
		return http.CanonicalHeaderKey(s), ok
	})
}

// methodNames reads request methods.
func (v value) methodNames() []string {
	return v.texts("methods", func(v value) (string, bool) {
		s, ok := v.text("a method, such as GET")
		if !ok || slices.Contains(methods(), s) {
			return s, ok
		}
		switch upper := strings.ToUpper(s); {
		case upper == http.MethodConnect, upper == http.MethodTrace:
			v.problem(upper, "take it out: it is refused on every route")
		case slices.Contains(methods(), upper):
			v.problem(quote(s)+" in small letters", "write "+upper)
		default:
			v.problem(quote(s)+" is no method that is known here", suggestion(s, methods())+"the methods are "+strings.Join(methods(), ", "))
		}
		return "", false
	})
}
