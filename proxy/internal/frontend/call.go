package frontend

import (
	"errors"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"

	"github.com/clerkgate/clerkgate/internal/breaker"
	"github.com/clerkgate/clerkgate/internal/origin"
	"github.com/clerkgate/clerkgate/internal/wire"
	"github.com/clerkgate/clerkgate/proxy/internal/answer"
)

// call is one request to the Frontend API.
type call struct {
	*API
	public  *origin.Public
	outcome *answer.Outcome
	in      *http.Request // from the browser
	says    breaker.Outcome
	began   time.Time
}

func (c *call) rewrite(pr *httputil.ProxyRequest) {
	in, out := pr.In, pr.Out
	path := strings.TrimPrefix(in.URL.EscapedPath(), c.opts.Path)
	if path == "" {
		path = "/"
	}
	decoded, err := url.PathUnescape(path)
	if err != nil {
		decoded = path // impossible for a canonical path; the transport checks the URL again
	}
	base := c.opts.Origin
	out.URL = &url.URL{Scheme: base.Scheme, Host: base.Host, Path: decoded, RawPath: path, RawQuery: in.URL.RawQuery}
	out.Host = base.Host
	out.Trailer = nil

	wire.Delete(out.Header, func(name string) bool {
		return claimsProxy(name) || !c.filter.Passes(name, c.public.Trusted())
	})
	out.Header.Del("Connection") // ReverseProxy kept it for an upgrade
	out.Header.Del("Upgrade")
	out.Header.Del("Te")
	forwarded := c.opts.Origins.Forwarded(in, c.public)
	for name, value := range map[string]string{"X-Forwarded-For": forwarded.For, "X-Forwarded-Proto": forwarded.Proto, "X-Forwarded-Host": forwarded.Host} {
		if value != "" {
			out.Header.Set(name, value)
		}
	}
	out.Header["Clerk-Proxy-Url"] = []string{c.publicURL()}
}

// claimsProxy reports whether name is a header that only the proxy may set.
func claimsProxy(name string) bool {
	return wire.HasNormalPrefix(name, "clerk-proxy-url") || wire.HasNormalPrefix(name, "clerk-secret-key")
}

// publicURL returns the absolute proxy URL.
func (c *call) publicURL() string {
	if strings.HasPrefix(c.opts.ProxyURL, "/") {
		return c.public.Origin() + c.opts.ProxyURL
	}
	return c.opts.ProxyURL
}

// modifyResponse maps a redirect to the Frontend API itself back below the proxy path;
// other redirects and all cookies are kept as they are.
func (c *call) modifyResponse(res *http.Response) error {
	c.outcome.Status, c.outcome.Took = res.StatusCode, c.opts.Now().Sub(c.began)
	switch {
	case res.StatusCode >= http.StatusInternalServerError:
		c.says = breaker.Failure
		if err := c.hold(res); err != nil {
			return err
		}
	case res.StatusCode != http.StatusTooManyRequests: // which is about one browser
		c.says = breaker.Success
	}
	if c.opts.Pages.Wanted(c.in) && res.StatusCode >= http.StatusBadRequest && isJSON(res) {
		return refusalOf(res)
	}
	if len(res.Header["Set-Cookie"]) > 0 {
		wire.ForbidCaching(res.Header)
	}
	if location := res.Header.Get("Location"); location != "" {
		res.Header.Set("Location", c.mapLocation(location))
	}
	return nil
}

func (c *call) mapLocation(location string) string {
	u, err := url.Parse(location)
	if err != nil || u.Opaque != "" || u.User != nil {
		return location
	}
	own := u.Scheme == c.opts.Origin.Scheme && strings.EqualFold(u.Host, c.opts.Origin.Host)
	rooted := u.Scheme == "" && u.Host == "" && strings.HasPrefix(u.Path, "/") && !c.matches(u.EscapedPath())
	if !own && !rooted {
		return location
	}
	mapped := c.publicURL() + u.EscapedPath()
	if u.RawQuery != "" {
		mapped += "?" + u.RawQuery
	}
	if u.Fragment != "" {
		mapped += "#" + u.EscapedFragment()
	}
	return mapped
}

func (c *call) failed(w http.ResponseWriter, _ *http.Request, err error) {
	var refused *refusal
	if errors.As(err, &refused) {
		refused.show(w, c.in, c.API)
		return
	}
	c.outcome.Err, c.outcome.Took = err, c.opts.Now().Sub(c.began)
	if c.in.Context().Err() == nil {
		c.says = breaker.Failure
	}
	if errors.Is(err, errForeignTarget) {
		c.says = breaker.Neither
		c.opts.Pages.Refuse(w, c.in, http.StatusBadRequest, failedCode, "The target of this request is not the Frontend API.")
		return
	}
	c.unavailable(w, c.in, unreachable)
}
