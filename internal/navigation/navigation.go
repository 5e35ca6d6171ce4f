// Package navigation tells a person who opens a page from a program that makes a call,
// by what browsers and front-end libraries say about their requests.
//
// Everything that answers people and programs differently asks [IsDocument]: the
// handshake, the way to the sign-in page, the pages in clerkgate's own name.
package navigation

import (
	"net/http"
	"strings"
)

// IsDocument reports whether a browser wants a page to show in a window or a frame. A
// browser that sends Sec-Fetch-Dest is believed, since no script can set that header.
// Over plain HTTP browsers do not send it; then a document is what asks for HTML first,
// unless a library says that a script asks, which could not follow a redirect to another
// origin.
func IsDocument(h http.Header) bool {
	switch strings.Join(h["Sec-Fetch-Dest"], ", ") {
	case "document", "iframe":
		return true
	case "":
		return strings.HasPrefix(strings.Join(h["Accept"], ", "), "text/html") && !isScripted(h)
	}
	return false
}

// isScripted reports whether a front-end library says that it made the request.
func isScripted(h http.Header) bool {
	for _, name := range [...]string{
		"Hx-Request",                        // htmx
		"X-Turbo-Request-Id", "Turbo-Frame", // Hotwire Turbo
		"Rsc", "X-Nextjs-Data", // the routers of Next.js
	} {
		if values := h[name]; len(values) > 0 && values[0] != "" {
			return true
		}
	}
	// jQuery and others. An Android WebView puts the name of its application there, and
	// it does so when a person opens a page.
	requestedWith := h["X-Requested-With"]
	return len(requestedWith) > 0 && strings.EqualFold(requestedWith[0], "XMLHttpRequest")
}

// IsSpeculative reports whether a browser fetches a page ahead, in case a person opens
// it: Sec-Purpose in all its forms, such as prefetch;prerender, and what older browsers
// send.
func IsSpeculative(h http.Header) bool {
	return hasPurpose(h["Sec-Purpose"]) || hasPurpose(h["Purpose"]) || hasPurpose(h["X-Moz"])
}

// hasPurpose looks for the word prefetch in a list whose entries may have parameters.
func hasPurpose(lines []string) bool {
	for _, line := range lines {
		for entry := range strings.SplitSeq(line, ",") {
			purpose, _, _ := strings.Cut(entry, ";")
			if strings.EqualFold(strings.Trim(purpose, " \t"), "prefetch") {
				return true
			}
		}
	}
	return false
}
