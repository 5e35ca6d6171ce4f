package routes

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/clerkgate/clerkgate/internal/claimheader"
	"github.com/clerkgate/clerkgate/internal/problem"
	"github.com/clerkgate/clerkgate/internal/wire"
)

// ParseClaimHeader reads a header with its value behind an equals sign, such as
// X-Forwarded-Email=email. The error is a [*problem.Problem].
func ParseClaimHeader(s string) (ClaimHeader, error) {
	name, text, ok := strings.Cut(s, "=")
	if !ok {
		return ClaimHeader{}, &problem.Problem{Found: quote(s), Want: "a header and the path of a claim, such as X-Forwarded-Email=email"}
	}
	return newClaimHeader(strings.TrimSpace(name), strings.TrimSpace(text))
}

func newClaimHeader(name, text string) (ClaimHeader, error) {
	canonical, err := claimheader.Name(name)
	if err == nil {
		err = claimheader.Check(text)
	}
	return ClaimHeader{canonical, text}, err
}

// String is the form that [ParseClaimHeader] reads.
func (h ClaimHeader) String() string { return h.Name + "=" + h.Value }

// AsksUser reports whether a header in ClaimHeaders has a field that Clerk's user may fill.
func (r *Route) AsksUser() bool {
	headers := make([]claimheader.Header, len(r.ClaimHeaders))
	for i, h := range r.ClaimHeaders {
		headers[i] = claimheader.Header(h)
	}
	set, err := claimheader.New(headers)
	return err == nil && r.Auth != AuthNone && set.AsksUser()
}

// claimHeaders reads headers made of claims; not nil, because an empty list says none.
func (v value) claimHeaders() []ClaimHeader {
	headers := []ClaimHeader{}
	if v.node.Kind == yaml.ScalarNode {
		if v.node.Value != "none" {
			v.problem(v.found(), "none, or headers with paths of claims, such as { X-Forwarded-Email: email }", "")
		}
		return headers
	}
	v.each(func(name string, key, field value) {
		text, ok := field.text("the path of a claim, such as email")
		if !ok {
			return
		}
		h, err := newClaimHeader(name, text)
		twice := slices.ContainsFunc(headers, func(other ClaimHeader) bool { return other.Name == h.Name })
		switch {
		case err != nil:
			key.report(problem.At(key.key, err))
		case twice:
			key.problem("the header "+quote(h.Name)+" a second time, spelled in another way", "", "Take it out.")
		default:
			headers = append(headers, h)
		}
	})
	if v.node.Kind == yaml.MappingNode && len(v.node.Content) == 0 {
		v.problem("no headers", "none, or at least one, such as X-Forwarded-Email: email", "")
	}
	if len(headers) > MaxClaimHeaders {
		v.problem(fmt.Sprintf("%d headers", len(headers)), fmt.Sprintf("%d at most", MaxClaimHeaders), "")
	}
	return headers
}

// MaxClaimHeaders bounds the headers made of claims that one route may have.
const MaxClaimHeaders = 32

// ownHeaders finds headers that are made of claims on one route and come from elsewhere
// on another: the application believes them wherever they are.
func (p *parser) ownHeaders(all []Route) {
	made := make(map[string]int)
	for i := range all {
		for _, h := range all[i].ClaimHeaders {
			if normal := wire.NormalName(h.Name); made[normal] == 0 {
				made[normal] = all[i].Line
			}
		}
	}
	for i := range all {
		fields := p.items[i].fields
		for name := range all[i].RequestHeaders {
			if line := made[wire.NormalName(name)]; line > 0 {
				fields["request_headers"].problem("the header "+quote(name)+fmt.Sprintf(", which claim_headers of the route in line %d make", line), "another name", "")
			}
		}
		for _, name := range all[i].KeepHeaders {
			if line := made[wire.NormalName(name)]; line > 0 {
				fields["keep_headers"].problem("the header "+quote(name)+fmt.Sprintf(", which claim_headers of the route in line %d make", line), "another name: a client's own never passes", "")
			}
		}
	}
}
