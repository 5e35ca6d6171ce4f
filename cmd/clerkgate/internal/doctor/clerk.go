package doctor

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/clerkgate/clerkgate/clerkapi"
	"github.com/clerkgate/clerkgate/middleware"
)

// dashboardKeys is where all keys of an instance are.
const dashboardKeys = "Copy both keys from the page API keys of one instance in Clerk's dashboard."

// keyRefused is Clerk's code for a secret key that it does not accept.
const keyRefused = "clerk_key_invalid"

func (e *examination) secretKey(context.Context) []Result {
	k := e.backendKeys()
	var (
		refused   *clerkapi.APIError
		transport *clerkapi.TransportError
	)
	switch {
	case k.err == nil:
		return pass("The Backend API accepts the secret key.")
	case errors.As(k.err, &refused) && refused.IsUnauthorized():
		return fail("Clerk's Backend API refuses the secret key.", refused.Error(),
			"Copy CLERK_SECRET_KEY from the page API keys in Clerk's dashboard; it may have been revoked there.")
	case errors.As(k.err, &refused):
		return fail("Clerk's Backend API does not give its keys.", refused.Error(), "See https://status.clerk.com, then CLERK_API_URL and CLERK_API_VERSION.")
	case errors.As(k.err, &transport):
		return unreachable("Clerk's Backend API", e.backendURL(), transport.Err)
	}
	return fail("What answers as Clerk's Backend API is something else.", plain(k.err), "Check CLERK_API_URL, and what is between this machine and Clerk.")
}

func (e *examination) backendURL() *url.URL {
	text := cmp.Or(e.cfg.Auth.APIURL, clerkapi.DefaultBaseURL)
	at, err := url.Parse(text)
	if err != nil {
		return &url.URL{Host: text}
	}
	return at
}

// instance compares the keys of both APIs: the name of an instance's key is that of the
// instance.
func (e *examination) instance(context.Context) (found []Result) {
	backend, frontend := e.backendKeys(), e.frontendKeys()
	if backend.err != nil {
		return nil // told by secret-key
	}
	if frontend.err == nil && !shareKey(backend.set, &frontend.set) {
		found = fail("The secret key and the publishable key are of different instances.",
			fmt.Sprintf("Backend API: %s; Frontend API at %s: %s", kids(backend.set), e.frontendBase().Host, kids(&frontend.set)), dashboardKeys)
	}
	if pem := e.cfg.Auth.JWTKey; pem != "" && !holds(backend.set, pem) {
		found = append(found, fail("CLERK_JWT_KEY is not a key of this instance: every token is refused.", "Backend API: "+kids(backend.set),
			"Copy the JWKS public key from the page API keys in Clerk's dashboard, or remove CLERK_JWT_KEY: the keys are then fetched.")...)
	}
	if found == nil && frontend.err == nil {
		return pass("All keys belong to one instance, " + kids(backend.set) + ".")
	}
	return found
}

func shareKey(a, b *clerkapi.JWKS) bool {
	return slices.ContainsFunc(a.Keys, func(k clerkapi.JWK) bool {
		return slices.ContainsFunc(b.Keys, func(other clerkapi.JWK) bool { return k.Kid == other.Kid && k.N == other.N })
	})
}

func kids(set *clerkapi.JWKS) string {
	names := make([]string, 0, len(set.Keys))
	for _, k := range set.Keys {
		names = append(names, printable(k.Kid))
	}
	if len(names) == 0 {
		return "no key"
	}
	return strings.Join(names, ", ")
}

// clock compares the clocks by the Date of an answer, which has whole seconds. Only what
// neither that nor the time of the call can explain counts.
func (e *examination) clock(context.Context) []Result {
	k := e.backendKeys()
	date, err := http.ParseTime(k.header.Get("Date"))
	if err != nil {
		return nil
	}
	const tolerable = 2 * time.Second
	ahead := k.before.Sub(date.Add(time.Second))
	behind := date.Sub(k.after)
	off, which := max(ahead, behind), "ahead of"
	if behind > ahead {
		which = "behind"
	}
	allowed := cmp.Or(e.cfg.Auth.ClockSkew, middleware.DefaultClockSkew)
	said := fmt.Sprintf("The clock of this machine is %s %s Clerk's.", off.Round(time.Second), which)
	const remedy = "Synchronize the clock: systemd-timesyncd or chrony on a server, or the clock of the machine that runs the containers."
	switch {
	case off > max(allowed, tolerable):
		return fail(said, "tokens are refused as expired or not yet valid from "+max(allowed, tolerable).String()+" on", remedy)
	case off > tolerable:
		return warn(said, "", remedy)
	}
	return pass("The clock agrees with Clerk's.")
}

// protocol looks for what an API says about its end (RFC 9745 and RFC 8594).
func (e *examination) protocol(context.Context) []Result {
	k := e.backendKeys()
	if k.err != nil {
		return nil
	}
	if deprecated, sunset := k.header.Get("Deprecation"), k.header.Get("Sunset"); deprecated != "" || sunset != "" {
		return warn("Clerk has announced the end of the API version that clerkgate speaks, "+clerkapi.DefaultAPIVersion+".",
			printable(strings.TrimSpace("Deprecation: "+deprecated+"  Sunset: "+sunset)), "Install a newer clerkgate.")
	}
	return pass("Clerk serves the API version that clerkgate speaks, " + clerkapi.DefaultAPIVersion + ".")
}

func (e *examination) frontendAPI(ctx context.Context) []Result {
	base := e.frontendBase()
	what := "Clerk's Frontend API at " + base.Host
	got, err := e.send(ctx, http.MethodGet, base.JoinPath("/v1/environment"), e.proxyHeaders()...)
	switch {
	case err != nil:
		return unreachable(what, base, err)
	case got.status == http.StatusOK && isEnvironment(got.body):
		return pass(what + " answers.")
	case got.code() == keyRefused:
		return nil // told by secret-key
	case got.status == http.StatusOK:
		return fail("What answers at "+base.Host+" is not Clerk's Frontend API.", firstWords(got), "Check the publishable key, and the DNS record of "+base.Hostname()+" (Clerk's dashboard, page Domains).")
	}
	return fail(fmt.Sprintf("%s answers %d.", what, got.status), firstWords(got),
		"Check the publishable key. For a production instance, see whether Clerk's dashboard, page Domains, says that the domain is verified.")
}

// isEnvironment reports whether a body is that of /v1/environment.
func isEnvironment(body []byte) bool {
	var told map[string]json.RawMessage
	if json.Unmarshal(body, &told) != nil {
		return false
	}
	_, auth := told["auth_config"]
	_, display := told["display_config"]
	return auth || display
}

// firstWords returns what helps to recognize an answer: the code of Clerk's errors, or what
// kind of document it is.
func firstWords(got *reply) string {
	if code := got.code(); code != "" {
		return "code " + code
	}
	kind := got.header.Get("Content-Type")
	if server := got.header.Get("Server"); server != "" {
		kind += ", from " + server
	}
	if kind == "" && len(bytes.TrimSpace(got.body)) == 0 {
		return "an empty answer"
	}
	return printable("an answer of type " + kind)
}

func (e *examination) proxyURL(ctx context.Context) []Result {
	at := e.proxyBase()
	switch {
	case e.cfg.Auth.ProxyURL == "":
		return nil
	case at == nil:
		return warn("CLERK_PROXY_URL is a path, so that only the public URL leads to it.", "", "Give the public URL with --url.")
	}
	got, err := e.send(ctx, http.MethodGet, at.JoinPath("/v1/environment"))
	switch {
	case err != nil:
		return unreachable("The Frontend API at "+at.String(), at, err)
	case got.status != http.StatusOK || !isEnvironment(got.body):
		return fail(fmt.Sprintf("CLERK_PROXY_URL does not lead to the Frontend API: %s answers %d.", at, got.status), firstWords(got),
			"What is in front of clerkgate must pass "+strings.TrimRight(at.Path, "/")+"/* to it, and the proxy URL must be the one on the page Domains of Clerk's dashboard.")
	}
	if registered, known := e.registeredProxy(ctx); known && !slices.Contains(registered, strings.TrimRight(at.String(), "/")) {
		return fail("Clerk does not know this proxy URL.", "registered: "+strings.Join(append(registered, "none")[:max(1, len(registered))], ", "),
			"Enter "+at.String()+" as the proxy URL on the page Domains of Clerk's dashboard.")
	}
	return pass("The Frontend API is served at " + at.String() + ".")
}

// registeredProxy returns the proxy URLs of the instance's domains. A development instance
// needs none.
func (e *examination) registeredProxy(ctx context.Context) (urls []string, known bool) {
	if !e.key.Production {
		return nil, false
	}
	version := cmp.Or(e.cfg.Auth.APIVersion, clerkapi.DefaultAPIVersionPath)
	got, err := e.send(ctx, http.MethodGet, e.backendURL().JoinPath(version, "domains"), "Authorization", "Bearer "+e.cfg.Auth.SecretKey)
	if err != nil || got.status != http.StatusOK {
		return nil, false
	}
	var list struct {
		Data []struct {
			ProxyURL string `json:"proxy_url"`
		} `json:"data"`
	}
	if json.Unmarshal(got.body, &list) != nil || list.Data == nil {
		return nil, false
	}
	for _, domain := range list.Data {
		if domain.ProxyURL != "" {
			urls = append(urls, printable(strings.TrimRight(domain.ProxyURL, "/")))
		}
	}
	return urls, true
}

// handshake begins one as a browser without cookies, and sees whether Clerk sends it back.
func (e *examination) handshake(ctx context.Context) []Result {
	if e.public == nil {
		return nil
	}
	target := e.frontendBase().JoinPath("/v1/client/handshake")
	target.RawQuery = url.Values{
		"redirect_url": {e.public.String()}, "__clerk_api_version": {clerkapi.DefaultAPIVersion}, "suffixed_cookies": {"true"},
		"format": {"nonce"}, "__clerk_hs_reason": {"client-uat-but-no-session-token"},
	}.Encode()
	got, err := e.send(ctx, http.MethodGet, target, asBrowser(e.proxyHeaders()...)...)
	if err != nil {
		return nil // told by frontend-api
	}
	if got.code() == keyRefused {
		return nil // told by secret-key
	}
	back := got.location(target)
	switch {
	case back != nil && strings.EqualFold(back.Host, e.public.Host):
		return pass("Clerk sends browsers back to " + originOf(e.public) + ".")
	case back != nil:
		return fail("Clerk sends browsers to another host than the public URL's.", "it sent to "+printable(back.Host),
			"Check that "+e.public.Host+" is a domain of this instance (Clerk's dashboard, page Domains).")
	}
	return fail(fmt.Sprintf("Clerk does not begin a handshake for %s: it answers %d.", originOf(e.public), got.status), firstWords(got),
		"Check that "+e.public.Host+" is a domain of this instance (Clerk's dashboard, page Domains); a satellite has its own entry there.")
}
