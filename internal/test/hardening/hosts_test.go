package hardening

import (
	"bufio"
	"crypto/tls"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const hostRoutes = `
routes:
  - { match: "/*", hosts: [private.example.com, "*.internal.example.com"], auth: required }
  - { match: "/*", hosts: [public.example.com, "*.pub.example.com", "[::1]", 127.0.0.1], auth: public }
`

// CVE-2026-27588: all spellings of a host are treated as one, and the upstream gets the
// one that was judged.
func TestCVE_2026_27588_HostIsCanonical(t *testing.T) {
	t.Parallel()
	for _, direct := range []bool{false, true} {
		g := start(t, setup{routes: hostRoutes, direct: direct})
		for request, want := range map[string]struct {
			status int
			host   string
		}{
			"GET / HTTP/1.1\r\nHost: public.example.com":                                  {200, "public.example.com"},
			"GET / HTTP/1.1\r\nHost: PUBLIC.Example.COM":                                  {200, "public.example.com"},
			"GET / HTTP/1.1\r\nHost: public.example.com.":                                 {200, "public.example.com"},
			"GET / HTTP/1.1\r\nHost: PUBLIC.example.com.:8080":                            {200, "public.example.com:8080"},
			"GET / HTTP/1.1\r\nHost: a.PUB.example.com":                                   {200, "a.pub.example.com"},
			"GET / HTTP/1.1\r\nHost: [0:0:0:0:0:0:0:1]:80":                                {200, "[::1]:80"},
			"GET / HTTP/1.1\r\nHost: 127.0.0.1":                                           {200, "127.0.0.1"},
			"GET http://public.example.com/ HTTP/1.1\r\nHost: public.example.com":         {200, "public.example.com"},
			"GET http://PUBLIC.example.com./ HTTP/1.1\r\nHost: private.example.com":       {200, "public.example.com"},
			"GET http://private.example.com/ HTTP/1.1\r\nHost: public.example.com":        {401, ""},
			"GET http://PRIVATE.example.com.:80/ HTTP/1.1\r\nHost: public.example.com":    {401, ""},
			"GET http://public.example.com@private.example.com/ HTTP/1.1\r\nHost: public": {401, ""},
			"GET / HTTP/1.1\r\nHost: private.example.com":                                 {401, ""},
			"GET / HTTP/1.1\r\nHost: PRIVATE.example.com":                                 {401, ""},
			"GET / HTTP/1.1\r\nHost: private.example.com.":                                {401, ""},
			"GET / HTTP/1.1\r\nHost: private.example.com:443":                             {401, ""},
			"GET / HTTP/1.1\r\nHost: a.internal.example.com":                              {401, ""},
			"GET / HTTP/1.1\r\nHost: a.b.internal.example.com":                            {404, ""},
			"GET / HTTP/1.1\r\nHost: private.example.com..":                               {400, ""},
			"GET / HTTP/1.1\r\nHost: .private.example.com":                                {400, ""},
			"GET / HTTP/1.1\r\nHost: public.example.com:80:80":                            {400, ""},
			"GET / HTTP/1.1\r\nHost: public.example.com:x":                                {400, ""},
			"GET / HTTP/1.1\r\nHost: public.example.com:":                                 {400, ""},
			"GET / HTTP/1.1\r\nHost: public.example.com,private.example.com":              {400, ""},
			"GET / HTTP/1.1\r\nHost: private.example.com#public.example.com":              {400, ""},
			"GET / HTTP/1.1\r\nHost: private.example.com/public.example.com":              {400, ""},
			"GET / HTTP/1.1\r\nHost: private.example.com?.pub.example.com":                {400, ""},
			"GET / HTTP/1.1\r\nHost: private%2eexample.com":                               {400, ""},
			"GET / HTTP/1.1\r\nHost: [::1%25lo]":                                          {400, ""},
			"GET / HTTP/1.1\r\nHost: [::ffff:127.0.0.1]":                                  {404, ""},
			"GET / HTTP/1.1\r\nHost: evilpublic.example.com":                              {404, ""},
			"GET / HTTP/1.1\r\nHost: public.example.com.evil.example":                     {404, ""},
			"GET / HTTP/1.1\r\nHost: evil.example":                                        {404, ""},
			"GET / HTTP/1.1\r\nHost:":                                                     {400, ""},
			"GET / HTTP/1.1":                                                              {400, ""},
			"GET / HTTP/1.0":                                                              {400, ""},
			"GET / HTTP/1.0\r\nHost: private.example.com":                                 {401, ""},
			"GET / HTTP/1.1\r\nHost: public.example.com\r\nHost: private.example.com":     {400, ""},
			"GET / HTTP/1.1\r\nHost: public.example.com\r\nX-Forwarded-Host: private.example.com\r\nForwarded: host=private.example.com": {200, "public.example.com"},
			"GET / HTTP/1.1\r\nHost: private.example.com\r\nX-Forwarded-Host: public.example.com\r\nForwarded: host=public.example.com":  {401, ""},
			"OPTIONS * HTTP/1.1\r\nHost: public.example.com": {400, ""},
		} {
			answers := g.raw(t, request+"\r\nConnection: close\r\n\r\n")
			require.Len(t, answers, 1, request)
			assert.Equal(t, want.status, answers[0].StatusCode, "%q: %s", request, answers[0].Text)
			got := g.app.take()
			if want.host == "" {
				assert.Empty(t, got, request)
				continue
			}
			if assert.Len(t, got, 1, request) {
				assert.Equal(t, []string{want.host}, got[0].get("Host"), request)
			}
		}
	}
}

// CVE-2026-50149 (Contour): the name in the TLS handshake gives no other access, whether
// it is absent, another host's or an address.
func TestCVE_2026_50149_EveryServerNameIsJudgedAlike(t *testing.T) {
	t.Parallel()
	s, config := serveTLS(t, setup{routes: hostRoutes})
	g := start(t, s)
	for _, name := range []string{"", "public.example.com", "private.example.com", "127.0.0.1", "evil.example"} {
		c := config.Clone()
		c.ServerName, c.NextProtos, c.InsecureSkipVerify = name, nil, true // the name is the attack
		conn := tls.Client(g.dial(t), c)
		for host, want := range map[string]int{"private.example.com": 401, "public.example.com": 200, "evil.example": 404} {
			_, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: "+host+"\r\n\r\n")
			require.NoError(t, err)
			res, err := http.ReadResponse(bufio.NewReader(conn), nil)
			require.NoError(t, err)
			_, err = io.Copy(io.Discard, res.Body)
			require.NoError(t, err)
			_ = res.Body.Close()
			assert.Equal(t, want, res.StatusCode, "name %q, host %s", name, host)
		}
	}
}
