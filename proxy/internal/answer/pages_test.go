package answer

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func request(method string, headers ...string) *http.Request {
	r := httptest.NewRequest(method, "/", nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

func standard() *Pages { return NewPages(nil, slog.New(slog.DiscardHandler)) }

func TestRefuseByWhoReads(t *testing.T) {
	t.Parallel()
	pages := standard()
	for name, test := range map[string]struct {
		pages *Pages
		r     *http.Request
		page  bool
	}{
		"nothing said":              {pages, request("GET"), false},
		"curl":                      {pages, request("GET", "Accept", "*/*"), false},
		"browser":                   {pages, request("GET", "Sec-Fetch-Dest", "document", "Accept", "*/*"), true},
		"form":                      {pages, request("POST", "Sec-Fetch-Dest", "document"), true},
		"frame":                     {pages, request("GET", "Sec-Fetch-Dest", "iframe"), true},
		"fetch":                     {pages, request("GET", "Sec-Fetch-Dest", "empty", "Accept", "text/html"), false},
		"browser without the hints": {pages, request("GET", "Accept", "text/html,*/*"), true},
		"htmx without the hints":    {pages, request("GET", "Accept", "text/html,*/*", "HX-Request", "true"), false},
		"no pages":                  {nil, request("GET", "Sec-Fetch-Dest", "document"), false},
	} {
		w := httptest.NewRecorder()
		w.Header().Set("Set-Cookie", "fresh=1")
		w.Header().Set("Content-Length", "1000")
		test.pages.Refuse(w, test.r, http.StatusForbidden, "no_entry", `Not <you> & "yours".`)
		assert.Equal(t, http.StatusForbidden, w.Code, name)
		assert.Equal(t, "no-store", w.Header().Get("Cache-Control"), name)
		assert.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"), name)
		assert.Equal(t, "fresh=1", w.Header().Get("Set-Cookie"), "what was there stays")
		if test.page {
			assert.Equal(t, "text/html; charset=utf-8", w.Header().Get("Content-Type"), name)
			assert.Contains(t, w.Body.String(), "Not &lt;you&gt; &amp; &#34;yours&#34;.", name)
			assert.Equal(t, strconv.Itoa(w.Body.Len()), w.Header().Get("Content-Length"), name)
			continue
		}
		assert.JSONEq(t, `{"errors":[{"code":"no_entry","message":"Not <you> & \"yours\"."}]}`, w.Body.String(), name)
		assert.Empty(t, w.Header().Get("Content-Length"), "another body's length")
	}
}

// HEAD gets what GET would, without the body.
func TestPageForHEAD(t *testing.T) {
	t.Parallel()
	head, get := httptest.NewRecorder(), httptest.NewRecorder()
	pages := standard()
	pages.Refuse(head, request("HEAD", "Accept", "text/html"), http.StatusNotFound, "no_route", "There is nothing at this address.")
	pages.Refuse(get, request("GET", "Accept", "text/html"), http.StatusNotFound, "no_route", "There is nothing at this address.")
	assert.Equal(t, http.StatusNotFound, head.Code)
	assert.Empty(t, head.Body.String())
	assert.NotEmpty(t, get.Body.String())
	assert.Equal(t, get.Header(), head.Header())
}

// The browser applies the style sheet only if the policy names its hash.
func TestStandardPageMeetsItsPolicy(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	standard().Show(w, request("GET"), Page{Status: 401, Code: "authentication_invalid", Message: "x", SignInURL: "https://clerk.example.com/sign-in?a=1&b=2"})
	style := regexp.MustCompile(`(?s)<style>(.*)</style>`).FindStringSubmatch(w.Body.String())
	require.NotNil(t, style)
	sum := sha256.Sum256([]byte(style[1]))
	policy := w.Header().Get("Content-Security-Policy")
	assert.Contains(t, policy, "default-src 'none'; style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"';")
	assert.NotContains(t, policy, "unsafe")
	assert.NotContains(t, w.Body.String(), "style=", "an attribute that the policy forbids")
	assert.NotRegexp(t, `<script|src=|@import|url\(`, w.Body.String(), "nothing is fetched, nothing runs")
	assert.Contains(t, w.Body.String(), `<a href="https://clerk.example.com/sign-in?a=1&amp;b=2">Sign in</a>`)
}

// A script's URL from a configuration or a request is no link.
func TestSignInURLThatIsAScript(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	standard().Show(w, request("GET"), Page{Status: 401, Code: "authentication_invalid", Message: "x", SignInURL: "javascript:alert(1)"})
	assert.NotContains(t, w.Body.String(), "javascript:")
}

// Every page says what happened, and none has a hole where a word is missing.
func TestWords(t *testing.T) {
	t.Parallel()
	pages := standard()
	codes := map[string]words{"unknown_code": {}}
	for code, words := range pages.words {
		codes[code] = words
		assert.NotEmpty(t, words.title, code)
		assert.NotEmpty(t, words.advice, code)
	}
	for code, words := range codes {
		for _, status := range []int{400, 403, 404, 500, 502} {
			for _, method := range []string{"GET", "POST"} {
				page := Page{Status: status, Code: code, Message: "For programs."}
				page.Form = method == "POST"
				words.complete(&page)
				assert.NotEmpty(t, page.Title, code)
				assert.True(t, strings.HasSuffix(page.Message, "."), code)
				assert.True(t, page.Advice == "" || strings.HasSuffix(page.Advice, "."), code)
				assert.False(t, page.Form && page.Retry, "opening the address again sends nothing")
			}
		}
	}
}

func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	return dir
}

func TestOwnTemplates(t *testing.T) {
	t.Parallel()
	templates, err := LoadTemplates(folder(t, map[string]string{
		"403.html": "mine: {{.Message}}", "default.html": "{{.Status}} {{.Title}}", "README.md": "{{", "logo.svg": "<svg>",
	}))
	require.NoError(t, err)
	pages := NewPages(templates, slog.New(slog.DiscardHandler))
	show := func(page Page) (string, http.Header) {
		w := httptest.NewRecorder()
		pages.Show(w, request("GET"), page)
		assert.Equal(t, page.Status, w.Code)
		return w.Body.String(), w.Header()
	}
	body, header := show(Page{Status: 403, Code: "x", Message: "<b>No</b>."})
	assert.Equal(t, "mine: &lt;b&gt;No&lt;/b&gt;.", body)
	assert.Contains(t, header.Get("Content-Security-Policy"), "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;", "no script")
	body, _ = show(Page{Status: 404, Code: "x", Message: "No."})
	assert.Equal(t, "404 Page not found", body)

	some, err := LoadTemplates(folder(t, map[string]string{"403.html": "again"}))
	require.NoError(t, err)
	pages.Use(some)
	body, _ = show(Page{Status: 403, Code: "x", Message: "No."})
	assert.Equal(t, "again", body)
	body, header = show(Page{Status: 404, Code: "x", Message: "No."})
	assert.Contains(t, body, "<h1>Page not found</h1>", "without a default, the standard page")
	assert.NotContains(t, header.Get("Content-Security-Policy"), "unsafe")
}

// A template may fail with a page that it was not tried with, or grow too long.
func TestTemplateThatFailsLater(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"calls what is not there": `half {{if eq .Code "rare"}}{{index .Code 99}}{{end}}`,
		"too long":                `half {{if eq .Code "rare"}}{{range 100000}}words{{end}}{{end}}`,
	} {
		templates, err := LoadTemplates(folder(t, map[string]string{"default.html": text}))
		require.NoError(t, err, name)
		var log bytes.Buffer
		w := httptest.NewRecorder()
		NewPages(templates, slog.New(slog.NewTextHandler(&log, nil))).Show(w, request("GET"), Page{Status: 403, Code: "rare", Message: "No."})
		assert.Equal(t, 403, w.Code, name)
		assert.Contains(t, w.Body.String(), "<h1>This is not allowed</h1>", name)
		assert.NotContains(t, w.Body.String(), "half", name)
		assert.Contains(t, log.String(), "template=default.html", name)
	}
}

func TestBrokenTemplates(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		file, text  string
		line, found string // "" for no line
	}{
		"field":       {"403.html", "<p>\n{{.Titel}}", "2", "<.Titel>: can't evaluate field Titel"},
		"in a branch": {"default.html", "{{if eq .Status 404}}\n\n{{.Nope}}{{end}}", "3", "<.Nope>: can't evaluate field Nope"},
		"syntax":      {"403.html", "\n\n{{if}}", "3", "missing value for if"},
		"function":    {"403.html", "{{include .Title}}", "1", `function "include" not defined`},
		"unclosed":    {"403.html", "<script>\nlet a = `", "", "ends in a non-text context"},
		"branches":    {"403.html", "\n<a {{if .Form}}href=\"{{end}}>", "2", "{{if}} branches end in different contexts"},
		"name":        {"4O3.html", "", "", "a template that is not named after a status"},
		"no error":    {"200.html", "", "", "a template that is not named after a status"},
		"sign":        {"+40.html", "", "", "a template that is not named after a status"},
		"too large":   {"403.html", strings.Repeat("x", maxTemplate+1), "", "a larger file"},
		"too long":    {"403.html", "{{range 70000}}x{{end}}", "", "the page is longer than 65536 bytes"},
		"none":        {"readme.txt", "", "", "no template"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := folder(t, map[string]string{test.file: test.text})
			where := filepath.Join(dir, test.file)
			switch {
			case name == "none":
				where = ""
			case test.line != "":
				where += ":" + test.line
			}
			_, err := LoadTemplates(dir)
			var invalid *TemplatesError
			require.ErrorAs(t, err, &invalid)
			require.Len(t, invalid.Problems, 1)
			p := invalid.Problems[0]
			assert.Equal(t, where, p.Where)
			assert.Contains(t, p.Found, test.found)
			assert.NotContains(t, p.Found, "answer.Page")
			assert.NotEmpty(t, p.Want)
		})
	}
	_, err := LoadTemplates(filepath.Join(t.TempDir(), "missing"))
	require.ErrorContains(t, err, "no such file")
	_, err = LoadTemplates(folder(t, map[string]string{"403.html": "{{", "404.html": "{{", "500.html": "fine"}))
	assert.Equal(t, 2, strings.Count(err.Error(), "expected a template"), "every problem at once")
}
