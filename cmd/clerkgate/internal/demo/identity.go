package demo

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// What the demo's app reads from a request, and all that an app behind clerkgate needs.

func isSignedIn(r *http.Request) bool {
	return r.Header.Get("X-Clerk-Auth-Status") == "signed-in"
}

// identityHeaders returns the identity headers, sorted by name.
func identityHeaders(h http.Header) []identityHeader {
	var found []identityHeader
	for name, values := range h {
		if strings.HasPrefix(name, "X-Clerk-") {
			found = append(found, identityHeader{Name: name, Value: strings.Join(values, ", ")})
		}
	}
	slices.SortFunc(found, func(x, y identityHeader) int { return strings.Compare(x.Name, y.Name) })
	return found
}

// unverifiedToken is the content of a session token.
type unverifiedToken struct {
	ID        string
	ExpiresAt time.Time
}

// readUnverified reads a session token without verifying it: clerkgate has done so, and
// the page only shows it.
func readUnverified(token string) (unverifiedToken, bool) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return unverifiedToken{}, false
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return unverifiedToken{}, false
	}
	var claims struct {
		ID        string `json:"jti"`
		ExpiresAt int64  `json:"exp"`
	}
	if json.Unmarshal(payload, &claims) != nil {
		return unverifiedToken{}, false
	}
	return unverifiedToken{ID: claims.ID, ExpiresAt: time.Unix(claims.ExpiresAt, 0)}, true
}

// publicOrigin returns the app's origin for browsers. clerkgate passes on the Host and
// sets X-Forwarded-Proto.
func publicOrigin(r *http.Request) string {
	scheme := "http"
	if r.Header.Get("X-Forwarded-Proto") == "https" {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}

// clerkPage returns the URL of a page of the local Clerk that leads back to the app.
func clerkPage(origin, path string) string {
	return origin + proxyPath + path + "?redirect_url=" + url.QueryEscape(origin+"/")
}
