package proxy

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/identity"
	"github.com/clerkgate/clerkgate/internal/test/vectors"
	"github.com/clerkgate/clerkgate/middleware"
)

// TestVectorsOverHTTP sends the recorded requests, byte for byte, through a proxy
// that is set up by the recorded environment, and looks at what browser and
// upstream got.
func TestVectorsOverHTTP(t *testing.T) {
	t.Parallel()
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(w).Encode(r.Header)
	}))
	t.Cleanup(upstream.Close)
	for _, f := range vectors.Load(t) {
		for _, v := range f.Cases {
			t.Run(v.ID, func(t *testing.T) { replayVector(t, &f.Instance, v, upstream.URL) })
		}
	}
}

func replayVector(t *testing.T, in *vectors.Instance, v *vectors.Case, upstream string) {
	env := maps.Clone(in.Env)
	env["CLERKGATE_UPSTREAM"] = upstream
	env["CLERKGATE_REFRESH"] = "documents" // as Clerk's SDK, which made the recording
	cfg, _, err := load(env)
	var p *Proxy
	if err == nil {
		cfg.Auth.Transport, cfg.Auth.Outage = &vectors.Backend{JWKS: in.JWKS, Case: v}, middleware.OutageHandshake
		p, err = New(cfg, Deps{Now: func() time.Time { return time.Unix(v.Now, 0) }, Logger: slog.New(slog.DiscardHandler)})
	}
	if err != nil {
		require.Equal(t, "throws", v.Expect.Outcome, "%v", err)
		return
	}
	defer p.Close()
	server := httptest.NewServer(p)
	defer server.Close()
	checkVector(t, v, sendVector(t, v, server.URL))
}

// sendVector writes the request as it was on the wire.
func sendVector(t *testing.T, v *vectors.Case, target string) *http.Response {
	u, err := url.Parse(target)
	require.NoError(t, err)
	conn, err := net.Dial("tcp", u.Host)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\n", v.Request.Method, v.Request.Target)
	body := ""
	for _, h := range v.Request.Headers {
		if n, err := strconv.Atoi(h[1]); err == nil && h[0] == "Content-Length" {
			body = strings.Repeat("x", n)
		}
		fmt.Fprintf(&b, "%s: %s\r\n", h[0], h[1])
	}
	b.WriteString("Connection: close\r\n\r\n" + body)
	require.NoError(t, conn.SetDeadline(time.Now().Add(30*time.Second)))
	_, err = io.WriteString(conn, b.String())
	require.NoError(t, err)
	res, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: v.Request.Method})
	require.NoError(t, err)
	t.Cleanup(func() { _ = res.Body.Close() })
	return res
}

func checkVector(t *testing.T, v *vectors.Case, res *http.Response) {
	e := &v.Expect
	text := func(s *string) string {
		if s == nil {
			return ""
		}
		return *s
	}
	if e.Outcome == "throws" || refusedHere(v) {
		if res.StatusCode == http.StatusOK && v.Request.Method != http.MethodHead {
			assert.Equal(t, "signed-out", upstreamHeaders(t, res).Get("X-Clerk-Auth-Status"), "fail closed")
		}
		return
	}
	assert.Equal(t, append([]string{}, e.SetCookie...), append([]string{}, res.Header["Set-Cookie"]...), "Set-Cookie")
	if len(e.SetCookie) > 0 {
		assert.Equal(t, "no-store", res.Header.Get("Cache-Control"))
	}
	assert.Equal(t, text(e.Location), res.Header.Get("Location"), "Location")
	if e.ResponseAuthHeaders == nil {
		assert.Empty(t, res.Header.Get("X-Clerk-Auth-Status"))
	} else {
		assert.Equal(t, e.ResponseAuthHeaders.Status, res.Header.Get("X-Clerk-Auth-Status"))
		assert.Equal(t, e.ResponseAuthHeaders.Reason, res.Header.Get("X-Clerk-Auth-Reason"))
	}
	if e.Outcome == "redirect" {
		assert.Equal(t, http.StatusTemporaryRedirect, res.StatusCode)
		return
	}
	require.Equal(t, http.StatusOK, res.StatusCode)
	if v.Request.Method == http.MethodHead {
		return
	}
	got := upstreamHeaders(t, res)
	if e.Pending || e.Outcome == "signed-in" && text(e.UserID) == "" && text(e.TokenType) == "session_token" {
		assert.Equal(t, "signed-out", got.Get("X-Clerk-Auth-Status"))
		assert.Empty(t, got.Get("X-Clerk-User-Id"))
		return
	}
	assert.Equal(t, e.Outcome, got.Get("X-Clerk-Auth-Status"))
	assert.Equal(t, text(e.Reason), got.Get("X-Clerk-Auth-Reason"))
	assert.Equal(t, identity.Encode(text(e.UserID)), got.Get("X-Clerk-User-Id"))
	assert.Equal(t, identity.Encode(text(e.SessionID)), got.Get("X-Clerk-Session-Id"))
	assert.Equal(t, identity.Encode(text(e.OrgID)), got.Get("X-Clerk-Org-Id"))
	assert.Equal(t, identity.Encode(text(e.OrgSlug)), got.Get("X-Clerk-Org-Slug"))
	assert.Equal(t, identity.Encode(text(e.OrgRole)), got.Get("X-Clerk-Org-Role"))
}

// refusedHere is the one kind of recorded answer that is refused on purpose: a
// machine token of which Clerk says that it is revoked or expired.
func refusedHere(v *vectors.Case) bool {
	for _, rule := range v.BAPI {
		if strings.Contains(rule.Answer.Body, `"revoked":true`) || strings.Contains(rule.Answer.Body, `"expired":true`) {
			return true
		}
	}
	return false
}

func upstreamHeaders(t *testing.T, res *http.Response) http.Header {
	var h http.Header
	require.NoError(t, json.NewDecoder(res.Body).Decode(&h))
	return h
}
