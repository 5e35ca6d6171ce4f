package answer

import (
	"encoding/json"
	"html/template"
	"net/http"

	"github.com/clerkgate/clerkgate/internal/navigation"
)

// Refuse answers in clerkgate's own name: a page for people, Clerk's error shape
// for programs. It leaves what is in the header already, such as fresh cookies.
func Refuse(w http.ResponseWriter, r *http.Request, status int, code, message string) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Del("Content-Length")
	if !navigation.IsDocument(r.Header) {
		RefuseJSON(w, status, code, message)
		return
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		// The client may have gone; there is nobody left to tell.
		_ = page().Execute(w, map[string]any{"Status": status, "Title": http.StatusText(status), "Message": message})
	}
}

// apiError is one error in the shape of Clerk's APIs.
type apiError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// RefuseJSON answers with Clerk's error shape.
func RefuseJSON(w http.ResponseWriter, status int, code, message string) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(struct {
		Errors []apiError `json:"errors"`
	}{[]apiError{{code, message}}})
}

func page() *template.Template {
	return template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Title}}</title>
<style>
:root{color-scheme:light dark}
body{margin:0;min-height:100vh;display:grid;place-items:center;font:16px/1.5 system-ui,sans-serif;background:Canvas;color:CanvasText}
main{max-width:30rem;padding:2rem}
p:first-child{margin:0;font-size:.875rem;letter-spacing:.08em;opacity:.6}
h1{margin:.25rem 0 .75rem;font-size:1.6rem;line-height:1.2}
p{margin:0}
</style>
<main>
<p>{{.Status}}</p>
<h1>{{.Title}}</h1>
<p>{{.Message}}</p>
</main>
`))
}
