package doctor

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

func (e *examination) authorizedParties(context.Context) (found []Result) {
	parties := e.cfg.Auth.AuthorizedParties
	switch {
	case len(parties) == 0 && e.key.Production:
		return warn("Tokens of every application of this instance are accepted.", "",
			"Set CLERKGATE_AUTHORIZED_PARTIES to the origins of this application, such as "+e.example()+".")
	case len(parties) == 0:
		return nil
	}
	for _, party := range parties {
		if at, err := url.Parse(party); err == nil && e.key.Production && isLocal(at.Hostname()) {
			found = append(found, warn("Tokens made on a developer's machine are accepted in production.", party,
				"Remove "+party+" from CLERKGATE_AUTHORIZED_PARTIES.")...)
		}
	}
	if e.public != nil && !slices.Contains(parties, originOf(e.public)) {
		found = append(found, fail("Tokens of the public URL are refused.", originOf(e.public)+" is not in "+strings.Join(parties, ", "),
			"Add "+originOf(e.public)+" to CLERKGATE_AUTHORIZED_PARTIES.")...)
	}
	if found == nil {
		return pass("Tokens of " + strings.Join(parties, ", ") + " alone are accepted.")
	}
	return found
}

func (e *examination) example() string {
	if e.public != nil {
		return originOf(e.public)
	}
	return "https://app.example.com"
}

func isLocal(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || err == nil && addr.IsLoopback()
}

// trustedProxies looks at what the configuration alone says; public-url sees whether it is
// right.
func (e *examination) trustedProxies(context.Context) []Result {
	trusted := e.cfg.Auth.TrustedProxies
	for _, network := range trusted {
		if network.Bits() == 0 {
			return warn("Every client may say what the public URL is, and what its own address.", "CLERKGATE_TRUSTED_PROXIES holds "+network.String(),
				"Name only the addresses of what is in front of clerkgate.")
		}
	}
	if len(trusted) == 0 && e.public != nil && e.public.Scheme == "https" && e.cfg.TLSCertificateFile == "" {
		return warn("The public URL is https, but clerkgate neither speaks it nor believes anybody who does.", "",
			"Name what is in front of clerkgate in CLERKGATE_TRUSTED_PROXIES, or set CLERKGATE_TLS_CERT_FILE.")
	}
	return pass("X-Forwarded-* headers are believed from " + listOr(trusted, "nobody") + ".")
}

func listOr[T fmt.Stringer](items []T, otherwise string) string {
	if len(items) == 0 {
		return otherwise
	}
	texts := make([]string, 0, len(items))
	for _, item := range items {
		texts = append(texts, item.String())
	}
	return strings.Join(texts, ", ")
}

// signIn opens the sign-in page as a browser that is signed out.
func (e *examination) signIn(ctx context.Context) []Result {
	at := e.signInURL()
	if at == nil {
		return nil
	}
	const visits = 3 // a development instance may send a new browser through one handshake
	page := at
	for range visits {
		got, err := e.send(ctx, http.MethodGet, page, asBrowser()...)
		if err != nil {
			return unreachable("The sign-in page", page, err)
		}
		to := got.location(page)
		switch {
		case to != nil && to.Host == at.Host && to.Path == at.Path && to.Query().Has("redirect_url"):
			return fail("The sign-in page sends people who are signed out to itself.", at.String(),
				"Make "+at.Path+" public: with a routes file, give it a route with auth: public; else set CLERK_SIGN_IN_URL.")
		case to != nil && isHandshake(to):
			return pass("The sign-in page begins a handshake for a new browser, as every page of a development instance does.")
		case to != nil:
			page = to
		case got.status >= http.StatusBadRequest:
			return fail(fmt.Sprintf("The sign-in page answers %d.", got.status), page.String(), "Check CLERK_SIGN_IN_URL, and that the page and its scripts need no session.")
		default:
			return pass("The sign-in page at " + originOf(at) + at.Path + " answers.")
		}
	}
	return fail("The sign-in page is not reached after several redirects.", originOf(page)+page.Path, "Check CLERK_SIGN_IN_URL.")
}

func (e *examination) signInURL() *url.URL {
	at, err := url.Parse(e.cfg.Auth.SignInURL)
	switch {
	case err != nil || e.cfg.Auth.SignInURL == "":
		return nil
	case at.IsAbs():
		return at
	case e.public == nil:
		return nil
	}
	return e.public.ResolveReference(at)
}

// webhooks sends an event without a signature, which clerkgate refuses and nobody else would.
func (e *examination) webhooks(ctx context.Context) []Result {
	path := e.cfg.Webhook()
	if path == "" || e.public == nil {
		return nil
	}
	at := e.public.ResolveReference(&url.URL{Path: path})
	got, err := e.send(ctx, http.MethodPost, at, "Content-Type", "application/json")
	const remedy = "Let what is in front of clerkgate pass this path on as it is, without a login, a redirect or a check of its own."
	switch {
	case err != nil:
		return unreachable("The path of webhooks", at, err)
	case got.status == http.StatusBadRequest || got.status == http.StatusUnauthorized:
		return pass("Webhooks reach clerkgate at " + at.String() + ".")
	case got.location(at) != nil:
		return fail("Webhooks are redirected, and Clerk follows no redirect.", printable(originOf(got.location(at))), remedy)
	}
	return fail(fmt.Sprintf("Webhooks do not reach clerkgate: %s answers %d.", at, got.status), firstWords(got), remedy)
}

// publicHost returns the name in a URL that a certificate must be for; "" for an address.
func publicHost(u *url.URL) string {
	if u == nil || net.ParseIP(u.Hostname()) != nil {
		return ""
	}
	return u.Hostname()
}
