package main

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// What the demo's app reads from a request: all that an app behind clerkgate needs.

func demoSignedIn(r *http.Request) bool {
	return r.Header.Get("X-Clerk-Auth-Status") == "signed-in"
}

// demoIdentityHeaders are the headers in which clerkgate says who it is, by name.
func demoIdentityHeaders(h http.Header) []demoHeader {
	var found []demoHeader
	for name, values := range h {
		if strings.HasPrefix(name, "X-Clerk-") {
			found = append(found, demoHeader{Name: name, Value: strings.Join(values, ", ")})
		}
	}
	slices.SortFunc(found, func(x, y demoHeader) int { return strings.Compare(x.Name, y.Name) })
	return found
}

// demoUnverifiedExpiry reads when a session token expires and checks nothing:
// clerkgate has, and the page only shows it.
func demoUnverifiedExpiry(token string) (time.Time, bool) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return time.Time{}, false
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return time.Time{}, false
	}
	var claims struct {
		ExpiresAt int64 `json:"exp"`
	}
	if json.Unmarshal(payload, &claims) != nil {
		return time.Time{}, false
	}
	return time.Unix(claims.ExpiresAt, 0), true
}

// demoPublicOrigin is where browsers see the app. clerkgate hands the Host on and
// rebuilds X-Forwarded-Proto.
func demoPublicOrigin(r *http.Request) string {
	scheme := "http"
	if r.Header.Get("X-Forwarded-Proto") == "https" {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}

// demoClerkPage is a page of the local Clerk that leads back to the app.
func demoClerkPage(origin, path string) string {
	return origin + demoProxyPath + path + "?redirect_url=" + url.QueryEscape(origin+"/")
}
