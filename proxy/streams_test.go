package proxy

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/coder/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/middleware"
	"github.com/clerkgate/clerkgate/proxy/internal/forward"
	"github.com/clerkgate/clerkgate/proxy/internal/serve"
	"github.com/clerkgate/clerkgate/proxy/routes"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

// longLived is a sidecar in front of an application that streams, with a local Clerk.
type longLived struct {
	*system
	clerk  *clerktest.Server
	config settings.Config
	closed chan error // what the application's WebSockets ended with
}

// streams is an application whose responses last until they are ended. Each has begun with
// some bytes.
func (l *longLived) streams(t testing.TB) http.Handler {
	mux := http.NewServeMux()
	lasts := func(kind, begin string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if kind != "" {
				w.Header().Set("Content-Type", kind)
			}
			_, _ = io.WriteString(w, begin)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}
	}
	mux.HandleFunc("/events", lasts("text/event-stream", ":ok\n"))
	mux.HandleFunc("/rpc", lasts("application/grpc", "\x00\x00\x00\x00\x00"))
	mux.HandleFunc("/chunks", lasts("", "half"))
	mux.HandleFunc("/upload", func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, nil)
		if !assert.NoError(t, err) {
			return
		}
		for err == nil {
			var kind websocket.MessageType
			var message []byte
			if kind, message, err = c.Read(context.Background()); err == nil {
				err = c.Write(context.Background(), kind, message)
			}
		}
		_ = c.CloseNow()
		select {
		case l.closed <- err:
		default:
		}
	})
	return mux
}

func startLongLived(t testing.TB, change func(*settings.Config)) *longLived {
	t.Helper()
	l := &longLived{clerk: clerktest.NewServer(t, clerktest.Options{}), closed: make(chan error, 1)}
	l.system = start(t, l.streams(t), func(cfg *settings.Config) {
		cfg.Auth = middleware.Options{PublishableKey: l.clerk.PublishableKey(), SecretKey: l.clerk.SecretKey(), APIURL: l.clerk.URL}
		cfg.StreamRecheck, cfg.CSRF.Off = never, true
		cfg.WebhookSecrets = []string{hookSecret}
		if change != nil {
			change(cfg)
		}
		l.config = *cfg
	})
	return l
}

// front returns the URL of a server in front of the proxy that has limits and speaks HTTP/2.
func (l *longLived) front(t testing.TB) string {
	t.Helper()
	s := httptest.NewUnstartedServer(l.proxy.behind(serve.Limits(l.config.WithDefaults().Limits), serve.NewInFlight()))
	s.Config.Protocols = &http.Protocols{}
	s.Config.Protocols.SetHTTP1(true)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	t.Cleanup(s.Close)
	return s.URL
}

// receives has Clerk send its webhooks here.
func (l *longLived) receives() {
	l.clerk.AddWebhook(clerktest.Webhook{URL: l.URL + "/.clerkgate/webhook", Secret: hookSecret})
}

// delivered waits for the webhooks that were sent.
func (l *longLived) delivered(t testing.TB) {
	t.Helper()
	for _, d := range l.clerk.Deliveries() {
		require.Equal(t, http.StatusNoContent, d.Status, d.Event)
	}
}

func (l *longLived) dial(t testing.TB, token string) *websocket.Conn {
	t.Helper()
	c, _, err := websocket.Dial(t.Context(), l.URL+"/ws", &websocket.DialOptions{HTTPHeader: http.Header{"Authorization": {"Bearer " + token}}}) //nolint:bodyclose // the library does
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.CloseNow() })
	echoes(t, c)
	return c
}

// echoes asserts that a WebSocket works.
func echoes(t testing.TB, c *websocket.Conn) {
	t.Helper()
	require.NoError(t, c.Write(t.Context(), websocket.MessageText, []byte("hello")))
	_, message, err := c.Read(t.Context())
	require.NoError(t, err)
	require.Equal(t, "hello", string(message))
}

// open opens a stream at an address, and returns it once it has begun.
func open(t testing.TB, client *http.Client, url, token string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+token)
	res, err := client.Do(r)
	require.NoError(t, err)
	t.Cleanup(func() { _ = res.Body.Close() })
	require.Equal(t, http.StatusOK, res.StatusCode)
	_, err = io.ReadFull(res.Body, make([]byte, 4))
	require.NoError(t, err)
	return res
}

func (l *longLived) opened(kind forward.Kind) int { return l.proxy.streams.Counts()[kind].Open }

// allEnd waits until no stream is open.
func (l *longLived) allEnd(t testing.TB) {
	t.Helper()
	require.Eventually(t, func() bool {
		for _, n := range l.proxy.streams.Counts() {
			if n.Open > 0 {
				return false
			}
		}
		return true
	}, time.Minute, time.Millisecond)
}

func assertClosed(t testing.TB, c *websocket.Conn, code websocket.StatusCode) {
	t.Helper()
	_, _, err := c.Read(t.Context())
	assert.Equal(t, code, websocket.CloseStatus(err), "%v", err)
}

func TestStreamsEndWithTheirSession(t *testing.T) {
	t.Parallel()
	for _, transport := range []settings.UpstreamTransport{settings.TransportDirect, settings.TransportStandard} {
		for version, client := range clientKinds(t) {
			t.Run(string(transport)+", "+version, func(t *testing.T) {
				t.Parallel()
				l := startLongLived(t, func(c *settings.Config) { c.UpstreamTransport = transport })
				l.receives()
				both := l.front(t)
				jane, mei := l.clerk.SignIn("jane@example.com"), l.clerk.SignIn("mei@example.com")
				token, other := l.clerk.Token(jane.ID, l.URL), l.clerk.Token(mei.ID, l.URL)
				socket, kept := l.dial(t, token), l.dial(t, other)
				events, chunks, rpc := open(t, client, both+"/events", token), open(t, client, both+"/chunks", token), open(t, client, both+"/rpc", token)
				open(t, client, both+"/events", other)
				require.Equal(t, 2, l.opened(forward.WebSocket))
				require.Equal(t, 2, l.opened(forward.EventStream))

				l.clerk.RevokeSession(jane.ID)
				l.delivered(t)
				assertClosed(t, socket, websocket.StatusPolicyViolation)
				assert.Equal(t, websocket.StatusPolicyViolation, websocket.CloseStatus(<-l.closed), "the application is told as well")
				_, err := io.ReadAll(events.Body)
				require.NoError(t, err, "an event stream ends as if it were over")
				_, err = io.ReadAll(chunks.Body)
				require.Error(t, err, "half a response does not look whole")
				_, err = io.ReadAll(rpc.Body)
				require.NoError(t, err)
				assert.Equal(t, "16", rpc.Trailer.Get("Grpc-Status"))

				echoes(t, kept)
				require.Eventually(t, func() bool { return l.opened(forward.WebSocket) == 1 && l.opened(forward.EventStream) == 1 }, time.Minute, time.Millisecond)
				counts := l.proxy.streams.Counts()
				assert.Equal(t, 1, counts[forward.WebSocket].Ended)
				assert.Equal(t, 1, counts[forward.EventStream].Ended)
				assert.Equal(t, 1, counts[forward.Response].Ended)
				assert.Equal(t, 1, counts[forward.GRPC].Ended)
			})
		}
	}
}

func TestAThousandStreamsOfOneSession(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("not run with -short: it opens some thousand sockets")
	}
	l := startLongLived(t, nil)
	jane, mei := l.clerk.SignIn("jane@example.com"), l.clerk.SignIn("mei@example.com")
	kept := l.dial(t, l.clerk.Token(mei.ID, l.URL))
	token := l.clerk.Token(jane.ID, l.URL)
	client := over(t, nil, func(p *http.Protocols) { p.SetHTTP1(true) })
	var sockets []*websocket.Conn
	var responses []*http.Response
	for range 250 {
		sockets = append(sockets, l.dial(t, token))
	}
	for range 750 {
		responses = append(responses, open(t, client, l.URL+"/events", token))
	}
	require.Equal(t, 251, l.opened(forward.WebSocket))
	require.Equal(t, 750, l.opened(forward.EventStream))
	require.NoError(t, l.auth().Revoke(t.Context(), middleware.Revocation{SessionID: jane.ID}))
	var all sync.WaitGroup
	for _, c := range sockets {
		all.Go(func() { assertClosed(t, c, websocket.StatusPolicyViolation) })
	}
	for _, res := range responses {
		all.Go(func() {
			_, err := io.ReadAll(res.Body)
			assert.NoError(t, err)
		})
	}
	all.Wait()
	echoes(t, kept)
	require.NoError(t, kept.CloseNow())
	l.allEnd(t)
}

func (l *longLived) auth() *middleware.Authenticator { return l.proxy.site.Load().instance.Auth }

// Every way to revoke ends streams.
func TestWaysToEndAStream(t *testing.T) {
	t.Parallel()
	revoke := func(r middleware.Revocation) func(*testing.T, *longLived, *clerktest.Session) {
		return func(t *testing.T, l *longLived, s *clerktest.Session) {
			if r.UserID != "" {
				r.UserID = s.UserID
			}
			require.NoError(t, l.auth().Revoke(t.Context(), r))
		}
	}
	for name, test := range map[string]struct {
		revoke func(*testing.T, *longLived, *clerktest.Session)
		code   websocket.StatusCode
	}{
		"user":     {revoke(middleware.Revocation{UserID: "theirs"}), websocket.StatusPolicyViolation},
		"everyone": {revoke(middleware.Revocation{Everyone: true}), websocket.StatusServiceRestart},
		"sign-out page": {func(t *testing.T, l *longLived, s *clerktest.Session) {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, l.URL+"/.clerkgate/sign-out", nil)
			require.NoError(t, err)
			for _, c := range l.clerk.Cookies(s.ID, l.URL) {
				r.AddCookie(c)
			}
			r.Header.Set("Origin", l.URL)
			send(t, r)
		}, websocket.StatusPolicyViolation},
		"banned": {func(t *testing.T, l *longLived, s *clerktest.Session) {
			l.clerk.Emit("user.updated", map[string]any{"id": s.UserID, "banned": true})
			l.delivered(t)
		}, websocket.StatusPolicyViolation},
		"membership": {func(t *testing.T, l *longLived, s *clerktest.Session) {
			l.clerk.Emit("organizationMembership.deleted", map[string]any{
				"organization": map[string]any{"id": s.OrganizationID}, "public_user_data": map[string]any{"user_id": s.UserID},
			})
			l.delivered(t)
		}, websocket.StatusServiceRestart},
		"after a reload": {func(t *testing.T, l *longLived, s *clerktest.Session) {
			before := l.auth()
			cfg := l.config
			cfg.Auth.JWTKey = testPEM(t)
			require.NoError(t, l.proxy.Reload(cfg))
			require.NotSame(t, before, l.auth())
			require.NoError(t, l.auth().Revoke(t.Context(), middleware.Revocation{SessionID: s.ID}))
		}, websocket.StatusPolicyViolation},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := startLongLived(t, nil)
			l.receives()
			session := l.clerk.SignIn("mei@example.com")
			require.NotEmpty(t, session.OrganizationID)
			socket := l.dial(t, l.clerk.Token(session.ID, l.URL))
			test.revoke(t, l, session)
			assertClosed(t, socket, test.code)
			l.allEnd(t)
		})
	}
}

// Another replica learns of a revocation from the store's log.
func TestStreamsOfOtherReplicas(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	shared := func(c *settings.Config) { c.Store = "redis://" + server.Addr() }
	one := startLongLived(t, shared)
	two := startLongLived(t, func(c *settings.Config) {
		shared(c)
		c.Auth.PublishableKey, c.Auth.SecretKey, c.Auth.APIURL = one.clerk.PublishableKey(), one.clerk.SecretKey(), one.clerk.URL
	})
	session := one.clerk.SignIn("jane@example.com")
	token := one.clerk.Token(session.ID, one.URL)
	here, there := one.dial(t, token), two.dial(t, token)
	require.NoError(t, one.auth().Revoke(t.Context(), middleware.Revocation{SessionID: session.ID}))
	assertClosed(t, here, websocket.StatusPolicyViolation)
	assertClosed(t, there, websocket.StatusPolicyViolation)
}

// Without webhooks, Clerk is asked about the sessions of streams. While it does not say,
// they stay open, and others are asked about all the same.
func TestStreamsAreCheckedAtClerk(t *testing.T) {
	t.Parallel()
	l := startLongLived(t, func(c *settings.Config) { c.StreamRecheck = 10 * time.Millisecond })
	jane, mei := l.clerk.SignIn("jane@example.com"), l.clerk.SignIn("mei@example.com")
	l.clerk.Fail(clerktest.Fault{Method: http.MethodGet, Path: "/v1/sessions/" + mei.ID, Status: http.StatusServiceUnavailable})
	kept := l.dial(t, l.clerk.Token(mei.ID, l.URL))
	require.Eventually(t, func() bool { return l.clerk.CallCount(http.MethodGet, "/v1/sessions/"+mei.ID) > 0 }, time.Minute, time.Millisecond)
	ended := l.dial(t, l.clerk.Token(jane.ID, l.URL))
	l.clerk.EndSession(jane.ID)
	assertClosed(t, ended, websocket.StatusPolicyViolation)
	echoes(t, kept)
}

// A route may let its streams go on.
func TestFreeStreams(t *testing.T) {
	t.Parallel()
	l := startLongLived(t, func(c *settings.Config) {
		c.Routes = &routes.Config{Routes: []routes.Route{
			{Match: "/events", Streams: routes.StreamsFree, CSRF: routes.CSRF{Off: true}}, {Match: "/*", CSRF: routes.CSRF{Off: true}},
		}}
	})
	session := l.clerk.SignIn("jane@example.com")
	token := l.clerk.Token(session.ID, l.URL)
	client := over(t, nil, func(p *http.Protocols) { p.SetHTTP1(true) })
	free, socket := open(t, client, l.URL+"/events", token), l.dial(t, token)
	require.NoError(t, l.auth().Revoke(t.Context(), middleware.Revocation{SessionID: session.ID}))
	assertClosed(t, socket, websocket.StatusPolicyViolation)
	assert.Zero(t, l.opened(forward.EventStream))
	over := make(chan error, 1)
	go func() { _, err := free.Body.Read(make([]byte, 1)); over <- err }()
	select {
	case err := <-over:
		require.Fail(t, "the free stream has ended", "%v", err)
	case <-time.After(10 * time.Millisecond):
	}
}

// A body that is still being sent is cut off.
func TestLongUploadEnds(t *testing.T) {
	t.Parallel()
	for _, transport := range []settings.UpstreamTransport{settings.TransportDirect, settings.TransportStandard} {
		t.Run(string(transport), func(t *testing.T) {
			t.Parallel()
			l := startLongLived(t, func(c *settings.Config) { c.UpstreamTransport = transport })
			session := l.clerk.SignIn("jane@example.com")
			body, write := io.Pipe()
			defer write.Close()
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, l.front(t)+"/upload", body)
			require.NoError(t, err)
			r.Header.Set("Authorization", "Bearer "+l.clerk.Token(session.ID, l.URL))
			go func() {
				_, _ = io.WriteString(write, "a piece")
				for l.opened(forward.Upload) == 0 && t.Context().Err() == nil {
					time.Sleep(time.Millisecond)
				}
				_ = l.auth().Revoke(t.Context(), middleware.Revocation{SessionID: session.ID})
			}()
			res, err := over(t, nil, func(p *http.Protocols) { p.SetHTTP1(true) }).Do(r)
			require.NoError(t, err)
			defer res.Body.Close()
			assert.Equal(t, http.StatusUnauthorized, res.StatusCode)
			text, _ := io.ReadAll(res.Body)
			assert.Contains(t, string(text), "session_ended")
			l.allEnd(t)
		})
	}
}

// Go's gRPC at both ends, behind the limits of the server.
func TestGRPCStreamEnds(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		revoke middleware.Revocation
		code   codes.Code
	}{
		"session":  {middleware.Revocation{}, codes.Unauthenticated},
		"everyone": {middleware.Revocation{Everyone: true}, codes.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := grpc.NewServer()
			healthpb.RegisterHealthServer(server, health.NewServer())
			defer server.Stop()
			l := startLongLived(t, overH2C(t, server))
			conn, err := grpc.NewClient(strings.TrimPrefix(l.front(t), "http://"), grpc.WithTransportCredentials(insecure.NewCredentials()))
			require.NoError(t, err)
			defer conn.Close()
			session := l.clerk.SignIn("jane@example.com")
			ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+l.clerk.Token(session.ID, l.URL))
			stream, err := healthpb.NewHealthClient(conn).Watch(ctx, &healthpb.HealthCheckRequest{})
			require.NoError(t, err)
			_, err = stream.Recv()
			require.NoError(t, err)
			if test.revoke == (middleware.Revocation{}) {
				test.revoke.SessionID = session.ID
			}
			require.NoError(t, l.auth().Revoke(t.Context(), test.revoke))
			_, err = stream.Recv()
			assert.Equal(t, test.code, status.Code(err), "%v", err)
		})
	}
}

// What a client sends after its session has ended does not reach the application, though
// the connection takes a moment to close.
func TestNothingIsDoneAfterTheEnd(t *testing.T) {
	t.Parallel()
	got := make(chan string, 100)
	app := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer func() { _ = c.CloseNow() }()
		for {
			_, message, err := c.Read(context.Background())
			if err != nil {
				close(got)
				return
			}
			got <- string(message)
		}
	})
	for name, begun := range map[string]string{"between messages": "", "within a message": "\x81\x85\x00\x00\x00\x00aft"} {
		t.Run(name, func(t *testing.T) {
			got = make(chan string, 100)
			clerk := clerktest.NewServer(t, clerktest.Options{})
			s := start(t, app, func(cfg *settings.Config) {
				cfg.Auth = middleware.Options{PublishableKey: clerk.PublishableKey(), SecretKey: clerk.SecretKey(), APIURL: clerk.URL}
			})
			jane := clerk.SignIn("jane@example.com")
			conn := rawWebSocket(t, s.Server, clerk.Token(jane.ID, s.URL))
			_, err := io.WriteString(conn, "\x81\x86\x00\x00\x00\x00before"+begun)
			require.NoError(t, err)
			require.Equal(t, "before", <-got)
			require.NoError(t, s.proxy.site.Load().instance.Auth.Revoke(t.Context(), middleware.Revocation{UserID: jane.UserID}))
			frame := make([]byte, 4)
			_, err = io.ReadFull(conn, frame)
			require.NoError(t, err)
			assert.Equal(t, []byte{0x88, 2, 0x03, 0xf0}, frame)
			if begun == "" {
				_, _ = io.WriteString(conn, "\x81\x85\x00\x00\x00\x00after")
			} else {
				_, _ = io.WriteString(conn, "er")
			}
			_ = conn.Close()
			for message := range got {
				assert.NotEqual(t, "after", message)
			}
		})
	}
}

// The admin listener shows whose streams are open, and no tokens.
func TestStreamsAreListed(t *testing.T) {
	t.Parallel()
	l := startLongLived(t, nil)
	r := run(t, l.streams(t), func(c *settings.Config) {
		c.Auth = middleware.Options{PublishableKey: l.clerk.PublishableKey(), SecretKey: l.clerk.SecretKey(), APIURL: l.clerk.URL}
	})
	session := l.clerk.SignIn("jane@example.com")
	token := l.clerk.Token(session.ID, l.URL)
	client := over(t, nil, func(p *http.Protocols) { p.SetHTTP1(true) })
	res := open(t, client, "http://"+r.Public.String()+"/events", token)
	status, body := fetch(t, "http://"+r.Admin.String()+"/-/streams")
	assert.Equal(t, http.StatusOK, status)
	var list struct {
		Open     map[string]int
		Sessions []map[string]any
	}
	require.NoError(t, json.Unmarshal([]byte(body), &list))
	assert.Equal(t, map[string]int{"events": 1}, list.Open)
	require.Len(t, list.Sessions, 1)
	assert.Equal(t, session.ID, list.Sessions[0]["session_id"])
	assert.Equal(t, session.UserID, list.Sessions[0]["user_id"])
	assert.NotContains(t, body, token[:20])
	_ = res.Body.Close()
	r.stop()
	require.NoError(t, <-r.done)
}

// bufferedConn is a connection of which some was read ahead.
type bufferedConn struct {
	io.WriteCloser
	io.Reader
}

func rawWebSocket(t *testing.T, s *httptest.Server, token string) *bufferedConn {
	t.Helper()
	u, err := url.Parse(s.URL)
	require.NoError(t, err)
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", u.Host)
	require.NoError(t, err)
	_, err = io.WriteString(conn, strings.ReplaceAll(fmt.Sprintf("GET / HTTP/1.1\nHost: %s\nAuthorization: Bearer %s\nConnection: Upgrade\n"+
		"Upgrade: websocket\nSec-WebSocket-Version: 13\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n\n", u.Host, token), "\n", "\r\n"))
	require.NoError(t, err)
	reader := bufio.NewReader(conn)
	res, err := http.ReadResponse(reader, nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusSwitchingProtocols, res.StatusCode)
	_ = res.Body.Close()
	return &bufferedConn{conn, reader}
}
