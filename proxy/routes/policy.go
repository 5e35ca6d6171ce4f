package routes

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/clerkgate/clerkgate/internal/problem"
	"github.com/clerkgate/clerkgate/internal/wire"
)

func corsKeys() []key[CORS] {
	return []key[CORS]{
		{
			name: "origins", required: true, read: func(v value, c *CORS) { c.Origins = v.origins(true) },
			help: "`scheme://host:port`, or `\"*\"` alone.",
		},
		{
			name: "methods", unset: "those of simple requests", read: func(v value, c *CORS) { c.Methods = v.methodNames() },
			help: "What a preflight allows.",
		},
		{
			name: "headers", unset: "those of simple requests", read: func(v value, c *CORS) { c.Headers = v.headerNames(true) },
			help: "The request headers that a preflight allows, or `\"*\"` alone.",
		},
		{
			name: "expose", read: func(v value, c *CORS) { c.Expose = v.headerNames(false) },
			help: "The response headers that a page may read.",
		},
		{
			name: "credentials", standard: "false", read: func(v value, c *CORS) { c.Credentials = v.boolean() },
			help: "Cookies come along. Not with `\"*\"`.",
		},
		{
			name: "max_age", unset: "the browser's", read: func(v value, c *CORS) { c.MaxAge = v.duration(time.Second, 24*time.Hour) },
			help: "How long a browser remembers a preflight, up to `24h`.",
		},
	}
}

func csrfKeys() []key[CSRF] {
	return []key[CSRF]{
		{
			name: "trusted_origins", required: true, read: func(v value, c *CSRF) { c.TrustedOrigins = v.origins(false) },
			help: "Origins that may make such requests all the same.",
		},
	}
}

func (v value) cors() *CORS {
	c := &CORS{}
	f := readMapping(v, corsKeys(), c)
	if _, present := f["origins"]; !present && v.node.Kind == yaml.MappingNode {
		v.problem("cors without origins", "origins: and those that may call, such as [https://app.example.com]", "")
	}
	for _, stars := range []struct {
		key  string
		list []string
	}{{"origins", c.Origins}, {"headers", c.Headers}} {
		key, list := stars.key, stars.list
		switch {
		case !slices.Contains(list, "*"):
		case len(list) > 1:
			f[key].problem(`"*" beside others`, `["*"] alone, or all by name`, "")
		case c.Credentials:
			f[key].problem(`"*" with credentials: true, so that any page could act for your users`, "all by name, or no credentials", "")
		}
	}
	return c
}

const wantCSRF = "on, off or { trusted_origins: [https://other.example] }"

func (v value) csrf() CSRF {
	switch {
	case v.node.Kind == yaml.MappingNode:
		var c CSRF
		f := readMapping(v, csrfKeys(), &c)
		if _, present := f["trusted_origins"]; !present {
			v.problem("csrf without trusted_origins", wantCSRF, "")
		}
		return c
	case v.node.Kind == yaml.ScalarNode && v.node.ShortTag() == "!!str" && (v.node.Value == "on" || v.node.Value == "off"):
		return CSRF{Off: v.node.Value == "off"}
	}
	v.problem(v.found(), wantCSRF, "")
	return CSRF{}
}

func (v value) identity() []string {
	if v.node.Kind == yaml.ScalarNode {
		if v.choice([]string{"all", "none"}) == "none" {
			return []string{}
		}
		return nil
	}
	return v.texts("identity headers", func(v value) (string, bool) {
		s := v.choice(IdentityNames())
		return s, s != ""
	})
}

// KeptHeader reads the name of a header that passes from every client although applications
// believe it. The error is a [*problem.Problem].
func KeptHeader(s string) (string, error) {
	p := &problem.Problem{Found: quote(s), Want: "a header that clerkgate takes away, such as X-HTTP-Method-Override"}
	switch wire.NewFilter(nil, nil).Whose(s) {
	case wire.Proxies, wire.Nobody:
		if wire.IsToken(s) {
			return s, nil
		}
	case wire.Us:
		p.Want = "nothing: it is written anew for the application"
	default:
		var known []string
		for _, b := range wire.BelievedHeaders() {
			known = append(known, b.Name)
		}
		p.Remedy = suggestion(s, known)
		if p.Remedy == "" {
			p.Remedy = "Other headers pass as they are."
		}
	}
	return "", p
}

func (v value) keptHeaders() []string {
	return v.texts("headers", func(v value) (string, bool) {
		s, ok := v.text("the name of a header")
		if !ok {
			return "", false
		}
		name, err := KeptHeader(s)
		if err != nil {
			v.report(problem.At(v.key, err))
		}
		return name, err == nil
	})
}

// requestHeaders reads headers to set. Errors never quote their values: one may be a secret
// by which the upstream recognizes clerkgate.
func (v value) requestHeaders() map[string]string {
	headers := make(map[string]string)
	v.each(func(name string, key, field value) {
		canonical := http.CanonicalHeaderKey(name)
		_, twice := headers[canonical]
		switch {
		case !wire.IsToken(name) || len(name) > 128:
			key.problem("a name that is not valid for a header", "letters, digits and hyphens", "")
			return
		case wire.IsReserved(name):
			key.problem("the header "+quote(name), "", "Take it out: clerkgate, the client or the connection sets it.")
			return
		case twice:
			key.problem("the header "+quote(canonical)+" a second time, spelled in another way", "", "Take it out.")
			return
		}
		headers[canonical] = field.headerValue()
	})
	if len(headers) > maxItems {
		v.problem(fmt.Sprintf("%d headers", len(headers)), fmt.Sprintf("%d at most", maxItems), "")
	}
	return headers
}

func (v value) headerValue() string {
	s := v.node.Value
	if v.node.Kind != yaml.ScalarNode || v.node.ShortTag() != "!!str" || s == "" || len(s) > maxText ||
		!wire.IsValue(s) || strings.TrimSpace(s) != s || strings.ContainsFunc(s, func(r rune) bool { return r > 0x7e }) {
		v.problem("a value that is not valid for a header", fmt.Sprintf("printable ASCII, in quotes if it looks like a number or a boolean, of %d bytes at most", maxText), "")
		return ""
	}
	return s
}
