package routes

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/clerkgate/clerkgate/internal/wire"
)

func (v value) cors() *CORS {
	if !v.given() {
		return nil
	}
	f := v.fields(corsKeys)
	c := &CORS{
		Origins: f["origins"].origins(true), Methods: f["methods"].methodNames(),
		Headers: f["headers"].headerNames(true), Expose: f["expose"].headerNames(false),
		Credentials: f["credentials"].boolean(), MaxAge: f["max_age"].duration(time.Second, 24*time.Hour),
	}
	if _, present := f["origins"]; !present && v.node.Kind == yaml.MappingNode {
		v.problem("cors without origins", "name the origins that may call, such as [https://app.example.com]")
	}
	for key, list := range map[string][]string{"origins": c.Origins, "headers": c.Headers} {
		switch {
		case !slices.Contains(list, "*"):
		case len(list) > 1:
			f[key].problem(`"*" beside others`, `write ["*"] alone, or name them all`)
		case c.Credentials:
			f[key].problem(`"*" with credentials: true`, "name them one by one, or take credentials out: any page could act for your users")
		}
	}
	return c
}

func (v value) csrf() CSRF {
	switch {
	case !v.given():
		return CSRF{}
	case v.node.Kind == yaml.MappingNode:
		f := v.fields(csrfKeys)
		if _, present := f["trusted_origins"]; !present {
			v.problem("csrf without trusted_origins", "write on, off or { trusted_origins: [https://other.example] }")
		}
		return CSRF{TrustedOrigins: f["trusted_origins"].origins(false)}
	case v.node.Kind == yaml.ScalarNode && v.node.ShortTag() == "!!str" && (v.node.Value == "on" || v.node.Value == "off"):
		return CSRF{Off: v.node.Value == "off"}
	}
	v.problem(v.found()+" is no choice", "write on, off or { trusted_origins: [https://other.example] }")
	return CSRF{}
}

func (v value) identity() []string {
	if v.given() && v.node.Kind == yaml.ScalarNode {
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

// requestHeaders reads headers to set. Their values are never quoted: one may be
// a secret that the upstream knows clerkgate by.
func (v value) requestHeaders() map[string]string {
	if !v.given() {
		return nil
	}
	headers := make(map[string]string)
	v.each(func(name string, key, field value) {
		canonical := http.CanonicalHeaderKey(name)
		_, twice := headers[canonical]
		switch {
		case !wire.IsToken(name) || len(name) > 128:
			key.problem("a name that no header can have", "write letters, digits and hyphens")
			return
		case wire.IsReserved(name):
			key.problem("the header "+quote(name), "take it out: it is for clerkgate, the client or the connection to say")
			return
		case twice:
			key.problem("the header "+quote(canonical)+" a second time, spelled in another way", "take it out")
			return
		}
		headers[canonical] = field.headerValue()
	})
	if len(headers) > maxItems {
		v.problem(fmt.Sprintf("%d headers", len(headers)), fmt.Sprintf("%d are the most", maxItems))
	}
	return headers
}

func (v value) headerValue() string {
	s := v.node.Value
	if v.node.Kind != yaml.ScalarNode || v.node.ShortTag() != "!!str" || s == "" || len(s) > maxText ||
		!wire.IsValue(s) || strings.TrimSpace(s) != s || strings.ContainsFunc(s, func(r rune) bool { return r > 0x7e }) {
		v.problem("a value that no header can have", fmt.Sprintf("write printable ASCII, in quotes if it looks like a number or a boolean, of %d bytes at most", maxText))
		return ""
	}
	return s
}
