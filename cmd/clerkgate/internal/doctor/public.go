package doctor

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// maxHops is how many redirects of the public URL are followed.
const maxHops = 5

// loopCookie is set with each handshake. It shows whether cookies of a redirect arrive.
const loopCookie = "__clerk_redirect_count"

// visit is what a browser meets at the public URL that was signed in long ago: it has the
// cookie __client_uat, and no session. clerkgate then begins a handshake, whatever kind of
// instance it is.
type visit struct {
	hops []hop
	err  error // of the hop behind the last one
}

type hop struct {
	at *url.URL
	*reply
}

func (e *examination) visitPublicURL(ctx context.Context) (v visit) {
	at := e.public
	for range maxHops + 1 {
		got, err := e.send(ctx, http.MethodGet, at, asBrowser("Cookie", "__client_uat=1")...)
		if err != nil {
			v.err = err
			v.hops = append(v.hops, hop{at: at})
			return v
		}
		v.hops = append(v.hops, hop{at, got})
		next := got.location(at)
		if next == nil || isHandshake(next) || next.Query().Has("redirect_url") {
			return v
		}
		at = next
	}
	return v
}

func isHandshake(u *url.URL) bool { return strings.HasSuffix(u.Path, "/v1/client/handshake") }

// last returns the answer that the redirects lead to.
func (v *visit) last() hop { return v.hops[len(v.hops)-1] }

// handshake returns where the browser is sent to begin one, or nil.
func (v *visit) handshake() *url.URL {
	if v.err != nil {
		return nil
	}
	if to := v.last().location(v.last().at); to != nil && isHandshake(to) {
		return to
	}
	return nil
}

func (e *examination) publicURL(context.Context) (found []Result) {
	if e.public == nil {
		return warn("The public URL is not known, so what is in front of clerkgate was not examined.", "",
			"Give it with --url, such as --url https://app.example.com.")
	}
	v := e.visit()
	to := v.handshake()
	switch {
	case v.err != nil:
		return unreachable("The public URL", v.last().at, v.err)
	case len(v.hops) > maxHops:
		return fail("The public URL redirects in a circle, without reaching clerkgate.", chain(v.hops),
			"Let one of the hosts redirect to the other, not both to each other: see the redirects of www and of https in what is in front of clerkgate.")
	case to == nil:
		return e.notClerkgate(v)
	}
	found = e.sameAddress(v, to)
	if to.Host != e.frontendBase().Host && e.cfg.Auth.ProxyURL == "" && e.cfg.Auth.Domain == "" {
		found = append(found, fail("The clerkgate at the public URL is of another instance of Clerk.",
			"it sends browsers to "+printable(to.Host)+", but the publishable key is of "+e.key.FrontendAPI, dashboardKeys)...)
	}
	if !setsCookie(v.last().reply, loopCookie) {
		found = append(found, fail("Something on the way removes Set-Cookie from redirects.", seen(v.last().reply),
			"Let what is in front of clerkgate pass Set-Cookie on, with forward auth too: the recipes in the documentation name the setting.")...)
	}
	if found == nil {
		return pass("The public URL leads to clerkgate, and its cookies arrive.")
	}
	return found
}

// sameAddress compares the address that was asked with the one that clerkgate believes it
// was asked at, which it has Clerk send the browser back to.
func (e *examination) sameAddress(v visit, to *url.URL) []Result {
	believed, err := url.Parse(to.Query().Get("redirect_url"))
	if err != nil || believed.Host == "" {
		return nil
	}
	asked := v.last().at
	detail := fmt.Sprintf("asked at %s, it takes itself to be at %s", originOf(asked), printable(originOf(believed)))
	switch {
	case !strings.EqualFold(believed.Host, asked.Host):
		return fail("clerkgate takes the public URL for another host.", detail,
			"Let what is in front pass the browser's Host on, or send X-Forwarded-Host and be named in CLERKGATE_TRUSTED_PROXIES.")
	case believed.Scheme != asked.Scheme:
		return fail("clerkgate takes the public URL for "+printable(believed.Scheme)+".", detail,
			"Name what is in front in CLERKGATE_TRUSTED_PROXIES, and let it send X-Forwarded-Proto: "+asked.Scheme+".")
	}
	return nil
}

func (e *examination) notClerkgate(v visit) []Result {
	last := v.last()
	if to := last.location(last.at); to != nil {
		return warn("The public URL sends a signed-out browser on without a handshake.", "to "+printable(originOf(to)+to.Path),
			"Give with --url a page that clerkgate itself guards.")
	}
	if last.status >= http.StatusInternalServerError {
		return fail(fmt.Sprintf("The public URL answers %d.", last.status), chain(v.hops)+"; "+seen(last.reply),
			"See the log of clerkgate, and of what is in front of it, for this request.")
	}
	return warn(fmt.Sprintf("The public URL answers %d without a handshake: clerkgate may not be in front of it.", last.status), seen(last.reply),
		"Give with --url a page for which clerkgate decides (no route with auth: none), and check that requests reach clerkgate.")
}

// chain writes the redirects without their queries.
func chain(hops []hop) string {
	var b strings.Builder
	for i, h := range hops {
		if i > 0 {
			b.WriteString(" → ")
		}
		b.WriteString(printable(originOf(h.at) + h.at.Path))
		if h.reply != nil {
			b.WriteString(" (" + strconv.Itoa(h.status) + ")")
		}
	}
	return b.String()
}

// seen says who an answer names on its way.
func seen(got *reply) string {
	var parts []string
	for _, name := range []string{"Server", "Via", "X-Served-By", "Cf-Ray"} {
		if value := got.header.Get(name); value != "" {
			parts = append(parts, name+": "+printable(value))
		}
	}
	if parts == nil {
		return "the answer names nobody on its way"
	}
	return strings.Join(parts, ", ")
}

func setsCookie(got *reply, name string) bool {
	return slices.ContainsFunc(got.header.Values("Set-Cookie"), func(line string) bool { return strings.HasPrefix(line, name+"=") })
}

// caching looks at a redirect to a handshake. If it is stored, the next browser gets the
// cookies of another one, or an old nonce.
func (e *examination) caching(context.Context) []Result {
	if e.public == nil {
		return nil
	}
	v := e.visit()
	if v.handshake() == nil {
		return nil
	}
	const remedy = "Let it pass answers with Cache-Control: no-store through, and cache nothing that has Set-Cookie."
	header := v.last().header
	if hit := cacheHit(header); hit != "" {
		return fail("A cache answers in place of clerkgate.", hit, remedy)
	}
	if !strings.Contains(strings.ToLower(header.Get("Cache-Control")), "no-store") {
		return fail("Something on the way removes Cache-Control: no-store from redirects.", "Cache-Control: "+printable(header.Get("Cache-Control")), remedy)
	}
	return pass("Redirects arrive with no-store, and from no cache.")
}

// cacheHit returns the header that says that an answer is a stored one, or "".
func cacheHit(header http.Header) string {
	if age, err := strconv.Atoi(header.Get("Age")); err == nil && age > 0 {
		return "Age: " + strconv.Itoa(age)
	}
	for _, name := range []string{"Cf-Cache-Status", "X-Cache", "X-Cache-Status", "X-Vercel-Cache", "X-Proxy-Cache", "Cdn-Cache"} {
		if value := header.Get(name); strings.Contains(strings.ToUpper(value), "HIT") {
			return name + ": " + printable(value)
		}
	}
	return ""
}
