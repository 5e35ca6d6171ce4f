package http1_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/http1"
)

// answers that both transports read alike.
var answers = []struct {
	name    string
	method  string // "" is GET
	answer  string
	status  int
	body    string
	header  http.Header
	trailer http.Header
	length  int64
	again   bool // the connection is used for a second request
	last    bool // the upstream closes behind it
}{
	{name: "length", answer: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: 1\r\nx-a:  2 \r\n\r\nhello",
		status: 200, body: "hello", header: http.Header{"Content-Length": {"5"}, "X-A": {"1", "2"}}, length: 5, again: true},
	{name: "no reason", answer: "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
		status: 200, header: http.Header{"Content-Length": {"0"}}, again: true},
	{name: "repeated length", answer: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\ncontent-length: 2\r\n\r\nok",
		status: 200, body: "ok", header: http.Header{"Content-Length": {"2"}}, length: 2, again: true},
	{name: "bare line feeds in the header", answer: "HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
		status: 200, body: "ok", header: http.Header{"Content-Length": {"2"}}, length: 2, again: true},
	{name: "chunked", answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n5;a=b\r\nhello\r\n6  \r\n world\r\n000\r\n\r\n",
		status: 200, body: "hello world", header: http.Header{}, length: -1, again: true},
	{name: "trailers", answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum, X-None\r\n\r\n2\r\nok\r\n0\r\nx-sum: 7\r\nX-More: 1\r\n\r\n",
		status: 200, body: "ok", header: http.Header{}, trailer: http.Header{"X-Sum": {"7"}, "X-None": nil, "X-More": {"1"}}, length: -1, again: true},
	{name: "until close", answer: "HTTP/1.1 200 OK\r\n\r\nall of it", status: 200, body: "all of it", header: http.Header{}, length: -1, last: true},
	{name: "head", method: http.MethodHead, answer: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
		status: 200, header: http.Header{"Content-Length": {"5"}}, length: 5, again: true},
	{name: "head, chunked", method: http.MethodHead, answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
		status: 200, header: http.Header{}, length: -1, again: true},
	{name: "head without a length", method: http.MethodHead, answer: "HTTP/1.1 200 OK\r\n\r\n",
		status: 200, header: http.Header{}, length: -1, again: true},
	{name: "204", answer: "HTTP/1.1 204 No Content\r\n\r\n", status: 204, header: http.Header{}, again: true},
	{name: "304 with a length", answer: "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nEtag: \"a\"\r\n\r\n",
		status: 304, header: http.Header{"Content-Length": {"5"}, "Etag": {`"a"`}}, again: true},
	{name: "close", answer: "HTTP/1.1 200 OK\r\nConnection: foo, Close\r\nContent-Length: 2\r\n\r\nok",
		status: 200, body: "ok", header: http.Header{"Content-Length": {"2"}}, length: 2},
	{name: "1.0", answer: "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
		status: 200, body: "ok", header: http.Header{"Content-Length": {"2"}}, length: 2},
	{name: "1.0 kept", answer: "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok",
		status: 200, body: "ok", header: http.Header{"Content-Length": {"2"}, "Connection": {"keep-alive"}}, length: 2, again: true},
	{name: "informational before it", answer: "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
		status: 200, header: http.Header{"Content-Length": {"0"}}, again: true},
	{name: "pragma", answer: "HTTP/1.1 200 OK\r\nPragma: no-cache\r\nContent-Length: 0\r\n\r\n",
		status: 200, header: http.Header{"Content-Length": {"0"}, "Pragma": {"no-cache"}, "Cache-Control": {"no-cache"}}, again: true},
	{name: "large header and body", answer: "HTTP/1.1 200 OK\r\nX-Large: " + strings.Repeat("h", 20000) + "\r\nContent-Length: 100000\r\n\r\n" + strings.Repeat("b", 100000),
		status: 200, body: strings.Repeat("b", 100000), header: http.Header{"X-Large": {strings.Repeat("h", 20000)}, "Content-Length": {"100000"}}, length: 100000, again: true},
	{name: "many fields", answer: "HTTP/1.1 200 OK\r\n" + strings.Repeat("Set-Cookie: a=b\r\n", 50) + "Content-Length: 0\r\n\r\n",
		status: 200, header: http.Header{"Set-Cookie": strings.Split(strings.Repeat(",a=b", 50)[1:], ","), "Content-Length": {"0"}}, again: true},
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	for _, tc := range answers {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			both(t, func(t *testing.T, connect func(*upstream) http.RoundTripper) {
				u := serve(t, "tcp", func(p *peer) {
					for {
						if _, _, ok := p.request(); !ok {
							return
						}
						p.say(tc.answer)
						if tc.last {
							return
						}
					}
				})
				rt := connect(u)
				for range 2 {
					got := roundTrip(rt, request(t, tc.method, "http://upstream/", nil))
					require.NoError(t, got.err)
					require.NoError(t, got.bodyErr)
					assert.Equal(t, tc.status, got.status)
					assert.Equal(t, tc.body, got.body)
					assert.Equal(t, tc.header, got.header)
					assert.Equal(t, tc.trailer, got.trailer)
					assert.Equal(t, tc.length, got.length)
				}
				conns := int32(2)
				if tc.again {
					conns = 1
				}
				assert.Equal(t, conns, u.conns.Load())
			})
		})
	}
}

// malformedAnswers must not be read at all. Those that net/http reads are marked.
var malformedAnswers = map[string]struct {
	answer  string
	lenient bool // net/http reads it, one way
}{
	"different lengths":               {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", false},
	"list of lengths":                 {"HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello", false},
	"signed length":                   {"HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello", false},
	"negative length":                 {"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello", false},
	"empty length":                    {"HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\nhello", false},
	"huge length":                     {"HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775808\r\n\r\nhello", false},
	"length and coding":               {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", true},
	"other coding":                    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", false},
	"list of codings":                 {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", false},
	"coding twice":                    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", false},
	"coding with a letter that folds": {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chun\u212aed\r\n\r\n0\r\n\r\n", false},
	"coding with vertical tab":        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n", false},
	"coding in 1.0":                   {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", true},
	"space before the colon":          {"HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello", true},
	"folded length":                   {"HTTP/1.1 200 OK\r\nContent-Length:\r\n 5\r\n\r\nhello", true},
	"folded coding":                   {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n x\r\n\r\n0\r\n\r\n", false},
	"folded control character":        {"HTTP/1.1 200 OK\r\nX-A: 1\r\n \x002\r\nContent-Length: 0\r\n\r\n", false},
	"folded first line":               {"HTTP/1.1 200 OK\r\n X-A: 1\r\nContent-Length: 0\r\n\r\n", false},
	"length without a colon":          {"HTTP/1.1 200 OK\r\nContent-Length 5\r\n\r\nhello", false},
	"coding with another hyphen":      {"HTTP/1.1 200 OK\r\nTransfer\u2010Encoding: chunked\r\n\r\n0\r\n\r\n", false},
	"length with a space inside":      {"HTTP/1.1 200 OK\r\nContent Length: 5\r\n\r\nhello", true},
	"null byte without a colon":       {"HTTP/1.1 200 OK\r\nX\x00A\r\nContent-Length: 0\r\n\r\n", false},
	"bare carriage return":            {"HTTP/1.1 200 OK\r\nX-A: 1\rX-B: 2\r\nContent-Length: 0\r\n\r\n", false},
	"null byte":                       {"HTTP/1.1 200 OK\r\nX-A: 1\x00\r\nContent-Length: 0\r\n\r\n", false},
	"control character in status":     {"HTTP/1.1 200 O\x01K\r\nContent-Length: 0\r\n\r\n", true},
	"no status":                       {"HTTP/1.1\r\nContent-Length: 0\r\n\r\n", false},
	"long status":                     {"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n", false},
	"status below 100":                {"HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n", true},
	"signed status":                   {"HTTP/1.1 +20 OK\r\nContent-Length: 0\r\n\r\n", true},
	"other version":                   {"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n", true},
	"no HTTP":                         {"220 mail.example ESMTP\r\n\r\n", false},
	"empty line first":                {"\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false},
	"cut in the header":               {"HTTP/1.1 200 OK\r\nContent-Le", false},
	"101 unasked":                     {"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", true},
	"bad trailer announced":           {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Content-Length\r\n\r\n0\r\n\r\n", false},
}

func TestMalformedAnswers(t *testing.T) {
	t.Parallel()
	for name, tc := range malformedAnswers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := serve(t, "tcp", func(p *peer) {
				if _, _, ok := p.request(); ok {
					p.say(tc.answer)
				}
			})
			got := roundTrip(transport(t, u, http1.Options{}), get(t, "http://upstream/"))
			require.Error(t, got.err)
			assert.NotContains(t, got.err.Error(), "hello")
			assert.EqualValues(t, 1, u.conns.Load(), "a malformed answer is an answer, it is not asked for twice")

			res, err := reference(t, u).RoundTrip(get(t, "http://upstream/"))
			if err == nil {
				res.Body.Close()
			}
			assert.Equal(t, tc.lenient, err == nil, "net/http: %v", err)
		})
	}
}

func TestMalformedBodies(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"no size":                     "\r\nhello\r\n0\r\n\r\n",
		"no hexadecimal":              "g\r\nhello\r\n0\r\n\r\n",
		"prefix":                      "0x5\r\nhello\r\n0\r\n\r\n",
		"sign":                        "+5\r\nhello\r\n0\r\n\r\n",
		"too large":                   "10000000000000005\r\nhello\r\n0\r\n\r\n",
		"fits no int64":               "ffffffffffffffff\r\nhello\r\n0\r\n\r\n",
		"line feed":                   "5\nhello\r\n0\r\n\r\n",
		"line feed in the extension":  "5;a\nhello\r\n0\r\n\r\n",
		"carriage return in the line": "5;a\rb\r\nhello\r\n0\r\n\r\n",
		"space before the extension":  "5 ;a\r\nhello\r\n0\r\n\r\n",
		"space before the size":       " 5\r\nhello\r\n0\r\n\r\n",
		"data too long":               "5\r\nhello!\r\n0\r\n\r\n",
		"data too short":              "6\r\nhello\r\n0\r\n\r\n",
		"long extension":              "5;" + strings.Repeat("a", 5000) + "\r\nhello\r\n0\r\n\r\n",
		"much overhead":               strings.Repeat("1;"+strings.Repeat("a", 900)+"\r\nx\r\n", 40) + "0\r\n\r\n",
		"cut in a size":               "5",
		"cut in the data":             "5\r\nhel",
		"cut behind the data":         "5\r\nhello",
		"cut before the end":          "5\r\nhello\r\n",
		"cut before the trailer":      "5\r\nhello\r\n0\r\n",
		"length in the trailer":       "0\r\nContent-Length: 5\r\n\r\n",
		"line feed in the trailer":    "0\r\nX-A: 1\n\r\n",
		"folded trailer":              "0\r\nX-A: 1\r\n 2\r\n\r\n",
		"space in a trailer's name":   "0\r\nX-A : 1\r\n\r\n",
		"long trailer":                "0\r\nX-A: " + strings.Repeat("a", 5000) + "\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := serve(t, "tcp", func(p *peer) {
				if _, _, ok := p.request(); ok {
					p.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body)
				}
			})
			rt := transport(t, u, http1.Options{})
			for n := range int32(2) {
				got := roundTrip(rt, get(t, "http://upstream/"))
				require.NoError(t, got.err)
				require.Error(t, got.bodyErr)
				assert.Equal(t, n+1, u.conns.Load(), "the connection is not used again")
			}
		})
	}
}

func TestBodyCutShort(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, connect func(*upstream) http.RoundTripper) {
		u := serve(t, "tcp", func(p *peer) {
			if _, _, ok := p.request(); ok {
				p.say("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
			}
		})
		got := roundTrip(connect(u), get(t, "http://upstream/"))
		require.NoError(t, got.err)
		assert.ErrorContains(t, got.bodyErr, "unexpected EOF")
		assert.Equal(t, "hello", got.body)
	})
}

func TestHeaderLimits(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"one line":               "HTTP/1.1 200 OK\r\nX-A: " + strings.Repeat("a", 20000) + "\r\n\r\n",
		"one line without end":   "HTTP/1.1 200 OK\r\nX-A: " + strings.Repeat("a", 200000),
		"many lines":             "HTTP/1.1 200 OK\r\n" + strings.Repeat("X-A: 1\r\n", 3000) + "\r\n",
		"in the first read":      "HTTP/1.1 200 OK\r\nX-A: " + strings.Repeat("a", 3000) + "\r\n\r\n",
		"informational together": strings.Repeat("HTTP/1.1 103 Early Hints\r\nX-A: "+strings.Repeat("a", 500)+"\r\n\r\n", 10),
		"many informational":     strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 1000),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := answering(t, answer)
			limit := 2048
			if name == "many informational" {
				limit = 1 << 20
			}
			got := roundTrip(transport(t, u, http1.Options{MaxResponseHeaderBytes: limit}), get(t, "http://upstream/"))
			require.Error(t, got.err)
			assert.EqualValues(t, 1, u.conns.Load())
		})
	}
}

// TestHeaderLinesThatAreNoHTTP has one odd line in each response, which must cost at
// most itself: applications send such lines, and other proxies let them pass.
func TestHeaderLinesThatAreNoHTTP(t *testing.T) {
	t.Parallel()
	const before, after = "HTTP/1.1 200 OK\r\nX-Before: 1\r\n", "\r\nX-After: 2\r\nContent-Length: 5\r\n\r\nhello"
	for name, tc := range map[string]struct {
		line    string
		more    http.Header
		dropped bool
	}{
		"space in the name":        {"Secured by: x", nil, true},
		"space before the colon":   {"X-Old : 1", http.Header{"X-Old": {"1"}}, false},
		"tab before the colon":     {"X-Old\t: 1", http.Header{"X-Old": {"1"}}, false},
		"folded":                   {"X-Long: 1\r\n  2\r\n\t3", http.Header{"X-Long": {"1 2 3"}}, false},
		"no colon":                 {"what is this", nil, true},
		"no name":                  {": 1", nil, true},
		"name beyond ASCII":        {"X-Größe: 1", nil, true},
		"name that is not a token": {"X(A): 1", nil, true},
		"folded onto one dropped":  {"Secured by: x\r\n y", nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var dropped []string
			u := answering(t, before+tc.line+after)
			rt := transport(t, u, http1.Options{Dropped: func(reason string) { dropped = append(dropped, reason) }})
			got := roundTrip(rt, get(t, "http://upstream/"))
			require.NoError(t, got.err)
			assert.Equal(t, "hello", got.body)
			want := http.Header{"X-Before": {"1"}, "X-After": {"2"}, "Content-Length": {"5"}}
			for name, values := range tc.more {
				want[name] = values
			}
			assert.Equal(t, want, got.header)
			assert.Equal(t, tc.dropped, len(dropped) == 1, "%q", dropped)
		})
	}
}

func TestMalformedAnswerSaysSo(t *testing.T) {
	t.Parallel()
	u := answering(t, "HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello")
	got := roundTrip(transport(t, u, http1.Options{}), get(t, "http://upstream/"))
	require.ErrorIs(t, got.err, http1.ErrMalformedAnswer)
	assert.ErrorContains(t, got.err, "space before the colon")
}
