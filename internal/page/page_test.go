package page

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func write(method string, p *Page) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	p.Write(w, httptest.NewRequest(method, "/", nil), http.StatusForbidden)
	return w
}

// Browsers apply the style sheet only if the policy has its hash.
func TestStyleMeetsItsPolicy(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]*Page{
		"link":   {Title: "x", Actions: []Action{{Label: "Go on", URL: "/"}}},
		"button": {Title: "x", Actions: []Action{{Label: "Do it", Post: true}}},
	} {
		w := write(http.MethodGet, p)
		sheet := regexp.MustCompile(`(?s)<style>(.*)</style>`).FindStringSubmatch(w.Body.String())
		require.NotNil(t, sheet, name)
		sum := sha256.Sum256([]byte(sheet[1]))
		policy := w.Header().Get("Content-Security-Policy")
		assert.Contains(t, policy, "default-src 'none'; style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"';", "set styleHash")
		assert.NotContains(t, policy, "unsafe")
		assert.NotContains(t, w.Body.String(), "style=", "an attribute that the policy forbids")
		assert.NotRegexp(t, `<script|src=|@import|url\(`, w.Body.String(), "nothing is fetched, nothing runs")
	}
}

// A form's policy must let the redirects that follow it leave the site, and nobody may
// lay the page under another one's.
func TestPolicyOfAButton(t *testing.T) {
	t.Parallel()
	button := (&Page{Actions: []Action{{Label: "Continue", URL: "/"}, {Label: "Sign out", Post: true}}}).Policy()
	assert.NotContains(t, button, "form-action")
	assert.Contains(t, button, "frame-ancestors 'none'")
	assert.Contains(t, (&Page{}).Policy(), "form-action 'none'; frame-ancestors 'self'")
}

func TestPageEscapes(t *testing.T) {
	t.Parallel()
	const evil = `"><script>alert('1')</script>&`
	text := (&Page{Title: evil, Paragraphs: []string{evil, ""}, Note: evil, Actions: []Action{{Label: evil, URL: "/?" + evil}, {Label: evil, Post: true}}}).HTML()
	assert.NotContains(t, text, "<script")
	assert.NotContains(t, text, "alert('")
	assert.NotContains(t, text, "<p></p>")
}

func TestLinksStayOnTheWeb(t *testing.T) {
	t.Parallel()
	for link, want := range map[string]bool{
		"": true, "/": true, "bye": true, "/a:b": true, "?a:b": true, "#a:b": true, "https://app.example.com/x?a=1&b=2": true, "HTTP://app.example.com": true,
		"javascript:alert(1)": false, " javascript:alert(1)": false, "java\nscript:alert(1)": false, "data:text/html,x": false, "vbscript:x": false, ":": false,
	} {
		text := (&Page{Actions: []Action{{Label: "Go on", URL: link}}}).HTML()
		assert.Equal(t, want, regexp.MustCompile(`<a href="`).MatchString(text), "%q", link)
		assert.Equal(t, want, regexp.MustCompile(`<div class="next">`).MatchString(text), "%q", link)
	}
}

// HEAD gets what GET would, without the body.
func TestWrite(t *testing.T) {
	t.Parallel()
	get, head := write(http.MethodGet, &Page{Title: "x"}), write(http.MethodHead, &Page{Title: "x"})
	assert.Equal(t, http.StatusForbidden, head.Code)
	assert.Empty(t, head.Body.String())
	assert.Equal(t, get.Header(), head.Header())
	assert.Equal(t, strconv.Itoa(get.Body.Len()), get.Header().Get("Content-Length"))
	assert.Equal(t, "no-store", get.Header().Get("Cache-Control"))
	assert.Equal(t, "nosniff", get.Header().Get("X-Content-Type-Options"))
}
