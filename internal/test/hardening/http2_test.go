package hardening

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/clerkgate/clerkgate/internal/test/certificatetest"
	"github.com/clerkgate/clerkgate/internal/test/kit"
)

// framer is an HTTP/2 client that can send invalid frames.
type framer struct {
	*http2.Framer
	conn    net.Conn
	encoder *hpack.Encoder
	block   bytes.Buffer
}

// h2c opens a connection without TLS.
func (g *gate) h2c(t testing.TB) *framer {
	t.Helper()
	return speakHTTP2(t, g.dial(t))
}

func speakHTTP2(t testing.TB, conn net.Conn, settings ...http2.Setting) *framer {
	t.Helper()
	f := &framer{Framer: http2.NewFramer(conn, conn), conn: conn}
	f.encoder = hpack.NewEncoder(&f.block)
	f.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	f.AllowIllegalWrites = true
	_, err := io.WriteString(conn, http2.ClientPreface)
	require.NoError(t, err)
	require.NoError(t, f.WriteSettings(settings...))
	return f
}

func (f *framer) encode(fields ...field) []byte {
	f.block.Reset()
	for _, h := range fields {
		_ = f.encoder.WriteField(hpack.HeaderField{Name: h.Name, Value: h.Value}) // to a buffer
	}
	return bytes.Clone(f.block.Bytes())
}

// head returns the fields of a request without a body.
func head(method, path string, more ...field) []field {
	return append([]field{{":method", method}, {":scheme", "http"}, {":authority", appHost}, {":path", path}}, more...)
}

func (f *framer) headers(t testing.TB, stream uint32, end bool, fields ...field) {
	t.Helper()
	require.NoError(t, f.WriteHeaders(http2.HeadersFrameParam{
		StreamID: stream, BlockFragment: f.encode(fields...), EndStream: end, EndHeaders: true,
	}))
}

// status reads until the stream has a response or ends, and returns its status: 0 if the
// stream was reset, -1 if the connection ended.
func (f *framer) status(stream uint32) int {
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			return -1
		}
		switch frame := frame.(type) {
		case *http2.SettingsFrame:
			if !frame.IsAck() {
				_ = f.WriteSettingsAck()
			}
		case *http2.MetaHeadersFrame:
			if frame.StreamID == stream {
				var status int
				_, _ = fmt.Sscan(frame.PseudoValue("status"), &status)
				return status
			}
		case *http2.RSTStreamFrame:
			if frame.StreamID == stream {
				return 0
			}
		case *http2.GoAwayFrame:
			if frame.LastStreamID < stream {
				return -1
			}
		}
	}
}

// serveTLS adds a certificate to a setup.
func serveTLS(t testing.TB, s setup) (setup, *tls.Config) {
	t.Helper()
	authority := certificatetest.New(t)
	cert, key := authority.Issue(t, appHost)
	dir := t.TempDir()
	if s.env == nil {
		s.env = map[string]string{}
	}
	s.env["CLERKGATE_TLS_CERT_FILE"], s.env["CLERKGATE_TLS_KEY_FILE"] = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	require.NoError(t, os.WriteFile(s.env["CLERKGATE_TLS_CERT_FILE"], cert, 0o600))
	require.NoError(t, os.WriteFile(s.env["CLERKGATE_TLS_KEY_FILE"], key, 0o600))
	return s, &tls.Config{RootCAs: authority.Pool(), ServerName: appHost, NextProtos: []string{"h2"}}
}

// The matrix of spoofed headers over HTTP/2, where names are lower-case: with and without
// TLS, in one field or several, in announced and unannounced trailers.
func TestCVE_2025_64484_GHSA_w9mr_28mw_j8hg_HeaderSpoofMatrixOverHTTP2(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		t.Run(fmt.Sprint("TLS ", secure), func(t *testing.T) {
			t.Parallel()
			s := setup{routes: matrixRoutes, files: map[string]string{"assertion.pem": kit.PrivatePEM(t, kit.ECKey(t))}, env: map[string]string{}}
			var config *tls.Config
			if secure {
				s, config = serveTLS(t, s)
			} else {
				s.env["CLERKGATE_H2C"] = "true"
			}
			g := start(t, s)
			conn := g.dial(t)
			if secure {
				conn = tls.Client(conn, config)
			}
			f := speakHTTP2(t, conn)
			session := g.clerk.SignIn(jane)
			authorization, _ := strings.CutPrefix(g.bearer(session.ID), "Authorization: ")
			stream := uint32(1)
			send := func(path string, header, trailer []field) map[string][]string {
				f.headers(t, stream, false, head("POST", path, append(header, field{"authorization", authorization})...)...)
				require.NoError(t, f.WriteData(stream, len(trailer) == 0, []byte("abc")))
				if len(trailer) > 0 {
					f.headers(t, stream, true, trailer...)
				}
				require.Equal(t, 200, f.status(stream), "%s %v", path, header)
				stream += 2
				known := believed(g.app.only(t))
				if known["X_CLERK_ASSERTION"] != nil {
					require.Len(t, known["X_CLERK_ASSERTION"], 1)
					known["X_CLERK_ASSERTION"] = []string{"ours"}
				}
				return known
			}
			for _, path := range []string{"/all", "/few/x", "/public/x", "/none/x"} {
				want := send(path, nil, nil)
				require.Contains(t, want, "X_FORWARDED_PROTO")
				for _, spelling := range []string{"lower", "underscore", "dot", "other", "mixed", "last only"} {
					var said []field
					var names []string
					for _, name := range claims() {
						name = strings.ToLower(spellings()[spelling](name))
						names = append(names, name)
						said = append(said, field{name, planted}, field{name, planted})
					}
					assert.Equal(t, want, send(path, said, nil), "%s, %s, header", path, spelling)
					assert.Equal(t, want, send(path, nil, said), "%s, %s, trailer", path, spelling)
					announced := []field{{"trailer", strings.Join(names, ",")}}
					assert.Equal(t, want, send(path, announced, said), "%s, %s, announced trailer", path, spelling)
				}
			}
		})
	}
}

// HTTP/2 can transport bytes that HTTP/1 cannot: those that would become another header or
// another request behind the proxy must be refused.
func TestNothingIsSmuggledOutOfHTTP2(t *testing.T) {
	t.Parallel()
	for _, direct := range []bool{false, true} {
		g := start(t, setup{env: map[string]string{"CLERKGATE_H2C": "true", "CLERKGATE_POLICY": "optional"}, direct: direct})
		for name, fields := range map[string][]field{
			"header in a value":      head("GET", "/a", field{"x-a", "b\r\nX-Clerk-User-Id: user_planted"}),
			"bare LF in a value":     head("GET", "/a", field{"x-a", "b\nx-clerk-user-id: user_planted"}),
			"NUL in a value":         head("GET", "/a", field{"x-a", "b\x00c"}),
			"header in a name":       head("GET", "/a", field{"x-a: b\r\nx-clerk-user-id", "user_planted"}),
			"colon in a name":        head("GET", "/a", field{"x-a:", "b"}),
			"space in a name":        head("GET", "/a", field{"x-clerk-user-id ", "user_planted"}),
			"upper case":             head("GET", "/a", field{"X-Clerk-User-Id", "user_planted"}),
			"request in the path":    head("GET", "/a HTTP/1.1\r\nHost: x\r\n\r\nGET /planted"),
			"space in the path":      head("GET", "/a /b"),
			"tab in the path":        head("GET", "/a\t/planted"),
			"path without a slash":   head("GET", "planted"),
			"absolute path":          head("GET", "http://planted.example.com/a"),
			"request in the method":  head("GET /planted HTTP/1.1\r\nHost: x\r\n\r\nGET", "/a"),
			"transfer coding":        head("POST", "/a", field{"transfer-encoding", "chunked"}),
			"connection":             head("GET", "/a", field{"connection", "x-clerk-user-id"}),
			"connection upgrade":     head("GET", "/a", field{"connection", "upgrade"}, field{"upgrade", "h2c"}),
			"length of a body":       head("POST", "/a", field{"content-length", "20"}),
			"two lengths":            head("POST", "/a", field{"content-length", "0"}, field{"content-length", "20"}),
			"signed length":          head("POST", "/a", field{"content-length", "+0"}),
			"two paths":              append(head("GET", "/a"), field{":path", "/planted"}),
			"authority with a path":  {{":method", "GET"}, {":scheme", "http"}, {":authority", "app.example.com/planted?"}, {":path", "/a"}},
			"authority with a user":  {{":method", "GET"}, {":scheme", "http"}, {":authority", "planted@app.example.com"}, {":path", "/a"}},
			"authority with a line":  {{":method", "GET"}, {":scheme", "http"}, {":authority", "a\r\nX-Clerk-User-Id: planted"}, {":path", "/a"}},
			"authority against host": head("GET", "/a", field{"host", "planted.example.com"}),
			"unknown pseudo-header":  append([]field{{":protocol", "websocket"}}, head("GET", "/a")...),
			"pseudo-header in trail": {{":method", "GET"}, {"x-a", "b"}, {":scheme", "http"}, {":authority", appHost}, {":path", "/a"}},
		} {
			f := g.h2c(t)
			f.headers(t, 1, true, fields...)
			status := f.status(1)
			for _, got := range g.app.take() {
				assert.NotContains(t, fmt.Sprint(got.Target, got.Method, got.Header), planted, "%s got through as %d", name, status)
				assert.Empty(t, got.Body, name)
			}
			_ = f.conn.Close()
		}
	}
}

// CVE-2023-39325, CVE-2023-45288 and similar ones (CVE-2021-39162): floods of frames are
// handled or end their own connection, and others are served meanwhile.
func TestCVE_2023_39325_CVE_2023_45288_HTTP2Floods(t *testing.T) { // alone, since it measures memory
	g := start(t, setup{
		env: map[string]string{"CLERKGATE_H2C": "true", "CLERKGATE_POLICY": "optional", "CLERKGATE_MAX_STREAMS": "10"},
	})
	floods := map[string]func(f *framer) error{
		"rapid reset": func(f *framer) error {
			for i := range uint32(2000) {
				block := f.encode(head("GET", "/flood")...)
				if err := f.WriteHeaders(http2.HeadersFrameParam{StreamID: 2*i + 1, BlockFragment: block, EndStream: true, EndHeaders: true}); err != nil {
					return err
				}
				if err := f.WriteRSTStream(2*i+1, http2.ErrCodeCancel); err != nil {
					return err
				}
			}
			return nil
		},
		"CONTINUATION": func(f *framer) error {
			err := f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: f.encode(head("GET", "/")...)})
			for i := 0; i < 10_000 && err == nil; i++ {
				err = f.WriteContinuation(1, false, f.encode(field{fmt.Sprint("x-", i), strings.Repeat("x", 1000)}))
			}
			return err
		},
		"empty CONTINUATION": func(f *framer) error {
			err := f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: f.encode(head("GET", "/")...)})
			for i := 0; i < 10_000 && err == nil; i++ {
				err = f.WriteContinuation(1, false, nil)
			}
			return err
		},
		"SETTINGS": func(f *framer) (err error) {
			for i := 0; i < 10_000 && err == nil; i++ {
				err = f.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: uint32(i)})
			}
			return err
		},
		"PING": func(f *framer) (err error) {
			for i := 0; i < 10_000 && err == nil; i++ {
				err = f.WritePing(false, [8]byte{1})
			}
			return err
		},
		"empty DATA": func(f *framer) error {
			err := f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: f.encode(head("POST", "/")...), EndHeaders: true})
			for i := 0; i < 10_000 && err == nil; i++ {
				err = f.WriteData(1, false, nil)
			}
			return err
		},
		"GOAWAY": func(f *framer) (err error) {
			for i := 0; i < 10_000 && err == nil; i++ {
				err = f.WriteGoAway(0, http2.ErrCodeNo, nil)
			}
			return err
		},
		"PRIORITY": func(f *framer) (err error) {
			for i := 0; i < 10_000 && err == nil; i++ {
				err = f.WritePriority(uint32(2*i+1), http2.PriorityParam{StreamDep: uint32(2*i + 3)})
			}
			return err
		},
		"many header fields": func(f *framer) (err error) {
			f.encode(field{"x-a", strings.Repeat("y", 3000)}) // then two bytes stand for it
			var fields []field
			for range 20_000 {
				fields = append(fields, field{"x-a", strings.Repeat("y", 3000)})
			}
			block := f.encode(append(head("GET", "/"), fields...)...)
			for first := true; len(block) > 0 && err == nil; first = false {
				part := block[:min(len(block), 16_000)]
				block = block[len(part):]
				if first {
					err = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: part, EndHeaders: len(block) == 0})
					continue
				}
				err = f.WriteContinuation(1, len(block) == 0, part)
			}
			return err
		},
	}
	other := g.h2c(t)
	stream := uint32(1)
	for name, flood := range floods {
		before := heap()
		f := g.h2c(t)
		ended := make(chan struct{})
		go func() { // the attacker reads, because otherwise TCP would stop the flood
			defer close(ended)
			_, _ = io.Copy(io.Discard, f.conn)
		}()
		_ = f.conn.SetDeadline(time.Now().Add(3 * time.Second))
		_ = flood(f) // the server may disconnect during the flood
		other.headers(t, stream, true, head("GET", "/other")...)
		assert.Equal(t, 200, other.status(stream), "beside %s", name)
		stream += 2
		assert.Less(t, heap()-before, int64(32<<20), "%s holds memory", name)
		_ = f.conn.Close()
		<-ended
	}
}

// The number of concurrent requests on a connection is limited.
func TestHTTP2StreamsAreBounded(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	g := start(t, setup{
		env:    map[string]string{"CLERKGATE_H2C": "true", "CLERKGATE_POLICY": "optional", "CLERKGATE_MAX_STREAMS": "10"},
		answer: func(request) string { <-release; return plain("{}") },
	})
	f := g.h2c(t)
	for i := range uint32(11) {
		f.headers(t, 2*i+1, true, head("GET", "/")...)
	}
	assert.Equal(t, 0, f.status(21), "the eleventh is refused")
	close(release)
	assert.LessOrEqual(t, len(g.app.take()), 10)
}
