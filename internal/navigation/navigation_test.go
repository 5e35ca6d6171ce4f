package navigation

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestIsDocument(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		headers []string // name, value, …
		want    bool
	}{
		"nothing said":                    {nil, false},
		"curl":                            {[]string{"Accept", "*/*"}, false},
		"page":                            {[]string{"Sec-Fetch-Dest", "document", "Accept", "*/*"}, true},
		"frame":                           {[]string{"Sec-Fetch-Dest", "iframe"}, true},
		"fetch":                           {[]string{"Sec-Fetch-Dest", "empty", "Accept", "text/html"}, false},
		"twice":                           {[]string{"Sec-Fetch-Dest", "document", "Sec-Fetch-Dest", "document"}, false},
		"plain HTTP":                      {[]string{"Accept", "text/html,application/xhtml+xml"}, true},
		"plain HTTP, JSON first":          {[]string{"Accept", "application/json, text/html"}, false},
		"plain HTTP, htmx":                {[]string{"Accept", "text/html, */*", "HX-Request", "true"}, false},
		"plain HTTP, Turbo":               {[]string{"Accept", "text/html, application/xhtml+xml", "X-Turbo-Request-Id", "1b2c"}, false},
		"plain HTTP, frame of Turbo":      {[]string{"Accept", "text/html, application/xhtml+xml", "Turbo-Frame", "messages"}, false},
		"plain HTTP, jQuery":              {[]string{"Accept", "text/html, */*; q=0.01", "X-Requested-With", "XMLHttpRequest"}, false},
		"plain HTTP, server components":   {[]string{"Accept", "text/html", "RSC", "1"}, false},
		"plain HTTP, pages router":        {[]string{"Accept", "text/html", "x-nextjs-data", "1"}, false},
		"plain HTTP, WebView of Android":  {[]string{"Accept", "text/html", "X-Requested-With", "com.example.app"}, true},
		"a browser's word beats a script": {[]string{"Sec-Fetch-Dest", "document", "HX-Request", "true"}, true},
	} {
		assert.Equal(t, test.want, IsDocument(header(test.headers)), name)
	}
}

func TestIsSpeculative(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		headers []string
		want    bool
	}{
		"nothing said":       {nil, false},
		"prefetch":           {[]string{"Sec-Purpose", "prefetch"}, true},
		"prerender":          {[]string{"Sec-Purpose", "prefetch;prerender"}, true},
		"by a private proxy": {[]string{"Sec-Purpose", "prefetch; anonymous-client-ip"}, true},
		"in a list":          {[]string{"Sec-Purpose", "other, prefetch"}, true},
		"twice":              {[]string{"Sec-Purpose", "other", "Sec-Purpose", "prefetch"}, true},
		"older Chromium":     {[]string{"Purpose", "prefetch"}, true},
		"Firefox":            {[]string{"X-Moz", "prefetch"}, true},
		"another purpose":    {[]string{"Sec-Purpose", "prefetched;prefetch"}, false},
		"another header":     {[]string{"X-Purpose-Of-Life", "prefetch"}, false},
	} {
		assert.Equal(t, test.want, IsSpeculative(header(test.headers)), name)
	}
}

func header(list []string) http.Header {
	h := http.Header{}
	for i := 0; i < len(list); i += 2 {
		h.Add(list[i], list[i+1])
	}
	return h
}
