package hardening

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// smuggling returns a corpus of messages that two servers could read as different
// requests. x is the request to be smuggled.
func smuggling() map[string]string {
	const (
		post = "POST /public/first HTTP/1.1\r\nHost: app.example.com\r\n"
		x    = "GET /private/planted HTTP/1.1\r\nHost: app.example.com\r\n\r\n"
	)
	length := fmt.Sprintf("Content-Length: %d\r\n", len("0\r\n\r\n"+x))
	chunked := "\r\n0\r\n\r\n" + x
	cases := map[string]string{
		"CL.TE":          post + length + "Transfer-Encoding: chunked\r\n" + chunked,
		"TE.CL":          post + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n" + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(x), x),
		"CL.CL":          post + "Content-Length: 0\r\n" + length + chunked,
		"CL.CL, same":    post + length + length + chunked,
		"CL, list":       post + "Content-Length: 0, 5\r\n" + chunked,
		"CL, same list":  post + "Content-Length: 5, 5\r\n\r\nabcde",
		"CL, sign":       post + "Content-Length: +5\r\n\r\nabcde",
		"CL, minus":      post + "Content-Length: -5\r\n\r\nabcde",
		"CL, zeros":      post + "Content-Length: 0000000000000000000000005\r\n\r\nabcde",
		"CL, hex":        post + "Content-Length: 0x5\r\n\r\nabcde",
		"CL, space":      post + "Content-Length: 5 5\r\n\r\nabcde",
		"CL, empty":      post + "Content-Length:\r\n\r\n" + x,
		"CL, overflow":   post + "Content-Length: 18446744073709551616\r\n\r\n" + x,
		"CL, underscore": post + "Content_Length: 5\r\n\r\n" + x,
		"CL.0 on GET":    "GET /public/first HTTP/1.1\r\nHost: app.example.com\r\n" + fmt.Sprintf("Content-Length: %d\r\n\r\n", len(x)) + x,
		"TE on HTTP/1.0": "POST /public/first HTTP/1.0\r\nHost: app.example.com\r\nTransfer-Encoding: chunked\r\n" + chunked,
		"0.9":            "GET /private/planted\r\n",
		"no version":     "GET /private/planted \r\nHost: app.example.com\r\n\r\n",
		"version 1.2":    "GET /private/planted HTTP/1.2\r\nHost: app.example.com\r\n\r\n",
		"version 2":      "GET /private/planted HTTP/2.0\r\nHost: app.example.com\r\n\r\n",
		"lower version":  "GET /private/planted http/1.1\r\nHost: app.example.com\r\n\r\n",
		"leading space":  " GET /private/planted HTTP/1.1\r\nHost: app.example.com\r\n\r\n",
		"two spaces":     "GET  /private/planted HTTP/1.1\r\nHost: app.example.com\r\n\r\n",
		"tab":            "GET\t/private/planted\tHTTP/1.1\r\nHost: app.example.com\r\n\r\n",
		"space in it":    "GET /public/ /private/planted HTTP/1.1\r\nHost: app.example.com\r\n\r\n",
		"no Host":        "GET /private/planted HTTP/1.1\r\n\r\n",
		"two Hosts":      "GET /public/first HTTP/1.1\r\nHost: app.example.com\r\nHost: planted.example.com\r\n\r\n",
		"Host, listed":   "GET /public/first HTTP/1.1\r\nHost: app.example.com, planted.example.com\r\n\r\n",
		"Host, path":     "GET /public/first HTTP/1.1\r\nHost: app.example.com/private/planted\r\n\r\n",
		"Host, user":     "GET /public/first HTTP/1.1\r\nHost: planted@app.example.com\r\n\r\n",
		"Host, space":    "GET /public/first HTTP/1.1\r\nHost: app.example.com planted\r\n\r\n",
		"bare CR":        "GET /public/first HTTP/1.1\r\nHost: app.example.com\r\nX-A: b\rX-Clerk-User-Id: planted\r\n\r\n",
		"bare CR, name":  "GET /public/first HTTP/1.1\r\nHost: app.example.com\r\nX-A: b\r\n\rX-Clerk-User-Id: planted\r\n\r\n",
		"NUL":            "GET /public/first HTTP/1.1\r\nHost: app.example.com\r\nX-A: b\x00planted\r\n\r\n",
		"NUL in a name":  "GET /public/first HTTP/1.1\r\nHost: app.example.com\r\nX-Planted\x00: b\r\n\r\n",
		"no colon":       "GET /public/first HTTP/1.1\r\nHost: app.example.com\r\nX-Clerk-User-Id planted\r\n\r\n",
		"no name":        "GET /public/first HTTP/1.1\r\nHost: app.example.com\r\n: planted\r\n\r\n",
		"space, colon":   "GET /public/first HTTP/1.1\r\nHost: app.example.com\r\nX-Clerk-User-Id : planted\r\n\r\n",
		"tab, colon":     "GET /public/first HTTP/1.1\r\nHost: app.example.com\r\nX-Clerk-User-Id\t: planted\r\n\r\n",
		"space, CL":      post + "Content-Length : 5\r\n\r\nabcde",
		"fold first":     "GET /public/first HTTP/1.1\r\n Host: planted\r\nHost: app.example.com\r\n\r\n",
		"fold, name":     "GET /public/first HTTP/1.1\r\nHost: app.example.com\r\nX-A: b\r\n X-Clerk-User-Id: user_1\r\n\r\n",
		"fold, TE":       post + "Transfer-Encoding:\r\n chunked\r\nContent-Length: 4\r\n" + chunked,
		"LF only":        "GET /public/first HTTP/1.1\nHost: app.example.com\nX-Clerk-User-Id: planted\n\n",
		"bare LF, value": "GET /public/first HTTP/1.1\r\nHost: app.example.com\r\nX-A: b\nX-Clerk-User-Id: planted\r\n\r\n",
		"bare LF, end":   "GET /public/first HTTP/1.1\r\nHost: app.example.com\r\n\n" + x,
		"Expect":         post + "Expect: planted\r\nContent-Length: 5\r\n\r\nabcde",
		"upgrade":        post + "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: planted\r\n\r\n",
		"websocket, 13?": "POST /public/first HTTP/1.1\r\nHost: app.example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" + fmt.Sprintf("Content-Length: %d\r\n\r\n", len(x)) + x,
		"high bytes":     "GET /public/first HTTP/1.1\r\nHost: app.example.com\r\nX-\xe2\x80\xa8: planted\r\n\r\n",
	}
	for i, coding := range []string{
		"xchunked", "chunked, identity", "identity, chunked", "identity", "chunked, chunked", "chunked\x0b", "\x0bchunked", "\"chunked\"",
		"chunked;q=1", "chunked\r\nTransfer-Encoding: x", "x\r\nTransfer-Encoding: chunked", "gzip, chunked", "CHUNKED\x00", ",chunked", "chunked,", "ch\xc3\xbcnked", "\u212Achunked", "",
	} {
		cases[fmt.Sprintf("TE.TE %d %q", i, coding)] = post + "Transfer-Encoding: " + coding + "\r\nContent-Length: 4\r\n" + chunked
		cases[fmt.Sprintf("TE alone %d %q", i, coding)] = post + "Transfer-Encoding: " + coding + "\r\n" + chunked
	}
	for i, name := range []string{"Transfer_Encoding", "Transfer-Encoding ", " Transfer-Encoding", "Transfer Encoding", "X: y\nTransfer-Encoding", "Transfer-Encoding\x00"} {
		cases[fmt.Sprintf("TE name %d %q", i, name)] = post + name + ": chunked\r\n" + length + chunked
	}
	for i, body := range []string{
		"0\n\n", "0\r\n\n", "3\nabc\n0\n\n", "3\r\nabc0\r\n\r\n", "3\r\nabcd\r\n0\r\n\r\n", "03\r\nabc\r\n0\r\n\r\n", "+3\r\nabc\r\n0\r\n\r\n", "0x3\r\nabc\r\n0\r\n\r\n", "-0\r\n\r\n",
		"3 \r\nabc\r\n0\r\n\r\n", " 3\r\nabc\r\n0\r\n\r\n", "3;a=b\r\nabc\r\n0\r\n\r\n", "3;a=\"\r\nabc\r\n0\r\n\r\n", "3;\nabc\r\n0\r\n\r\n", "3;a\rb\r\nabc\r\n0\r\n\r\n", "0;\n\r\n\r\n",
		"3\r\rabc\r\n0\r\n\r\n", "3\r\nabc\r\r0\r\n\r\n", "3\r\nabc\n\n0\r\n\r\n", "10000000000000003\r\nabc\r\n0\r\n\r\n", "0\r\nX-Clerk-User-Id: planted\r\n\r\n", "0\r\nContent-Length: 50\r\n\r\n",
		"0\r\nX-A\r\n\r\n", "0\r\n X-A: b\r\n\r\n", "0\r\nX-A: b\nX-Clerk-User-Id: planted\r\n\r\n", "00000\r\n\r\n", "g\r\n\r\n", "\r\n0\r\n\r\n", "3;" + strings.Repeat("a", 20_000) + "\r\nabc\r\n0\r\n\r\n",
	} {
		cases[fmt.Sprintf("chunk %d %.20q", i, body)] = post + "Transfer-Encoding: chunked\r\n\r\n" + body + x
	}
	return cases
}

// CVE-2022-1705 (Transfer-Encoding), CVE-2025-22871 (bare LF) and every other
// trick of this kind: what reaches the upstream is strictly valid, which [upstream] checks,
// and each request there has been judged. /private requires a session, which no request
// has.
func TestCVE_2022_1705_CVE_2025_22871_SmugglingCorpus(t *testing.T) {
	t.Parallel()
	for _, direct := range []bool{false, true} {
		t.Run(fmt.Sprint("direct ", direct), func(t *testing.T) {
			t.Parallel()
			g := start(t, setup{direct: direct, env: map[string]string{"CLERKGATE_PUBLIC_PATHS": "/public/*", "CLERKGATE_UPSTREAM_TIMEOUT": "2s"}})
			const last = "GET /public/last HTTP/1.1\r\nHost: app.example.com\r\nConnection: close\r\n\r\n"
			// Some bodies are longer than what is sent; this completes them.
			const filling = "\r\n0\r\n\r\n"
			for name, text := range smuggling() {
				answers := g.raw(t, text+last+filling)
				got := g.app.take()
				passed := 0
				for i, a := range answers {
					if a.StatusCode == 200 {
						passed++
					}
					if a.StatusCode == 400 {
						assert.Equal(t, len(answers)-1, i, "%s: after a 400 nothing more is read", name)
					}
				}
				assert.Equal(t, passed, len(got), "%s: %d answers, %v", name, passed, got)
				for _, r := range got {
					assert.NotContains(t, fmt.Sprint(r.Method, r.Target, r.Header, r.Trailer), planted, name)
					assert.Equal(t, []string{appHost}, r.get("Host"), name)
					assert.Equal(t, "signed-out", r.one(t, "X-Clerk-Auth-Status"), name)
					assert.Empty(t, r.get("X-Clerk-User-Id"), name)
				}
			}
		})
	}
}

// Pipelined requests are judged one by one, each with its own headers.
func TestPipelinedRequestsAreJudgedOneByOne(t *testing.T) {
	t.Parallel()
	for _, direct := range []bool{false, true} {
		g := start(t, setup{direct: direct})
		session := g.clerk.SignIn(jane)
		in := "GET /in HTTP/1.1\r\nHost: app.example.com\r\n" + g.bearer(session.ID) + "\r\n\r\n"
		out := "POST /planted HTTP/1.1\r\nHost: app.example.com\r\nContent-Length: 3\r\n\r\nabc"
		answers := g.raw(t, in+out+in+out+in+"GET /planted HTTP/1.1\r\nHost: app.example.com\r\nConnection: close\r\n\r\n")
		var statuses []int
		for _, a := range answers {
			statuses = append(statuses, a.StatusCode)
		}
		assert.Equal(t, []int{200, 401, 200, 401, 200, 401}, statuses)
		got := g.app.take()
		assert.Len(t, got, 3)
		for _, r := range got {
			assert.Equal(t, "/in", r.Target)
			assert.Equal(t, session.UserID, r.one(t, "X-Clerk-User-Id"))
		}
	}
}

// CVE-2026-71324: a tunnel is refused, whatever its target, and what follows on the
// connection is not read as a request.
func TestCVE_2026_71324_ConnectIsRefused(t *testing.T) {
	t.Parallel()
	for _, direct := range []bool{false, true} {
		g := start(t, setup{direct: direct, env: map[string]string{"CLERKGATE_POLICY": "optional", "CLERKGATE_H2C": "true"}})
		for _, target := range []string{"app.example.com:443", "127.0.0.1:22", "/", "/public", "http://app.example.com/", "[::1]:80"} {
			for _, more := range []string{"", "Content-Length: 0\r\n", "Transfer-Encoding: chunked\r\n", "Connection: keep-alive\r\n"} {
				answers := g.raw(t, "CONNECT "+target+" HTTP/1.1\r\nHost: app.example.com\r\n"+more+"\r\nGET /planted HTTP/1.1\r\nHost: app.example.com\r\n\r\n")
				require.Len(t, answers, 1, "%s %s", target, more)
				require.Contains(t, []int{400, 405}, answers[0].StatusCode, target)
			}
		}
		f := g.h2c(t)
		f.headers(t, 1, true, field{":method", "CONNECT"}, field{":authority", "app.example.com:443"})
		assert.Equal(t, 405, f.status(1))
		f.headers(t, 3, true, append([]field{{":protocol", "websocket"}}, head("CONNECT", "/")...)...)
		assert.NotEqual(t, 200, f.status(3))
		assert.Empty(t, g.app.take())
	}
}
