package middleware

import (
	"html/template"
	"io"
	"net/http"
	"strings"
)

const pageHead = `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<style>:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:30rem;margin:20vh auto;padding:0 1.5rem}
h1{font-size:1.6rem;line-height:1.2}button{font:inherit;padding:.6em 1.4em;cursor:pointer}</style>
`

// signOutPage posts to its own address.
const signOutPage = pageHead + `<title>Sign out</title>
<h1>Sign out</h1><p>This ends your session in this browser.</p>
<form method="post"><button>Sign out</button></form>
`

const signedOutHerePage = pageHead + `<title>Signed out in this browser</title>
<h1>Signed out in this browser</h1>
<p>The sign-in service could not be reached, so your session may still be open elsewhere, for example on another device.
It will be closed as soon as possible.</p>
<p><a href="%1">Continue</a></p>
`

// writePage writes a page in which %1 stands for a URL. It has no form-action in its
// policy: Chromium applies that to the redirects that follow, which may lead to Clerk.
func writePage(w http.ResponseWriter, status int, page string, url ...string) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	for _, u := range url {
		page = strings.ReplaceAll(page, "%1", template.HTMLEscapeString(u))
	}
	_, _ = io.WriteString(w, page)
}
