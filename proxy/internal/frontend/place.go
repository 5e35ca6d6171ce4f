package frontend

import (
	"net/url"
	"strings"

	"github.com/clerkgate/clerkgate/clerkapi"
)

// proxiedHost serves the Frontend API of all production instances that are proxied: these
// have no host of their own in the DNS. The headers say which instance is meant.
const proxiedHost = "frontend-api.clerk.dev"

// OriginOf returns where the Frontend API of an instance is reached.
func OriginOf(publishableKey string) *url.URL {
	key, err := clerkapi.ParsePublishableKey(publishableKey)
	if err != nil || key.Production {
		return &url.URL{Scheme: "https", Host: proxiedHost}
	}
	return &url.URL{Scheme: "https", Host: key.FrontendAPI}
}

// PathOf returns the path of a proxy URL, such as /__clerk, under which the Frontend API
// is served; "" if it has none.
func PathOf(proxyURL string) string {
	u, err := url.Parse(proxyURL)
	if err != nil {
		return ""
	}
	return strings.TrimRight(u.EscapedPath(), "/")
}
