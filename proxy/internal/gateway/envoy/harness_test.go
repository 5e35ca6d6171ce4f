package envoy_test

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/internal/test/kit"
	"github.com/clerkgate/clerkgate/middleware"
	"github.com/clerkgate/clerkgate/proxy/internal/gateway"
	"github.com/clerkgate/clerkgate/proxy/internal/gateway/envoy"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/dlclark/regexp2.runClock"))
}

const appOrigin = "https://app.example.com"

// grant is the end of a chain: it answers who it is.
func grant(a *gateway.Answer) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, out := middleware.FromContext(r.Context()), r.Header.Clone()
		out.Set("X-Clerk-Auth-Status", "signed-in")
		for name, value := range map[string]string{
			"X-Clerk-User-Id": who.UserID, "X-Clerk-Session-Id": who.SessionID, "X-Clerk-Org-Id": who.OrgID, "X-Clerk-Org-Role": who.OrgRole,
		} {
			if value != "" {
				out.Set(name, value)
			}
		}
		a.Grant(w, r.Header, out)
	})
}

// granting says yes to whatever is asked.
func granting(a *gateway.Answer, r *http.Request) { a.Grant(a, r.Header, r.Header) }

// system is a Clerk and a server that asks it, reached over a real socket.
type system struct {
	clerk  *clerktest.Server
	client authv3.AuthorizationClient
	conn   *grpc.ClientConn
	log    *kit.Buffer
}

// start serves the chain of middleware, Require and grant; change may put another
// handler in its place.
func start(t testing.TB, change func(*envoy.Options)) *system {
	t.Helper()
	s := &system{clerk: clerktest.NewServer(t, clerktest.Options{AllowedOrigins: []string{appOrigin}}), log: &kit.Buffer{}}
	loopback := netip.MustParsePrefix("127.0.0.0/8")
	auth, err := middleware.New(middleware.Options{
		PublishableKey: s.clerk.PublishableKey(), SecretKey: s.clerk.SecretKey(), APIURL: s.clerk.URL, Now: s.clerk.Now,
		TrustedProxies: []netip.Prefix{loopback}, AuthorizedParties: []string{appOrigin},
	})
	require.NoError(t, err)
	t.Cleanup(auth.Close)
	opts := envoy.Options{
		Trusted: loopback.Contains, Setting: "CLERKGATE_TRUSTED_PROXIES", Logger: slog.New(slog.NewTextHandler(s.log, nil)),
		Judge: func(a *gateway.Answer, r *http.Request) {
			mux := http.NewServeMux()
			mux.Handle("/", middleware.Require(middleware.Requirement{})(grant(a)))
			mux.Handle("/admin", middleware.Require(middleware.Requirement{Permission: "org:admin:access"})(grant(a)))
			auth.Handler(mux).ServeHTTP(a, r)
		},
	}
	if change != nil {
		change(&opts)
	}
	s.conn = serve(t, opts)
	s.client = authv3.NewAuthorizationClient(s.conn)
	return s
}

// serve runs a server until the test ends and connects to it.
func serve(t testing.TB, opts envoy.Options) *grpc.ClientConn {
	t.Helper()
	server, err := envoy.New(opts)
	require.NoError(t, err)
	var lc net.ListenConfig
	listener, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, listener) }()
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, conn.Close())
		stop()
		require.NoError(t, <-ended)
	})
	return conn
}

// browse is what Envoy sends for a navigation to a page.
func browse(path string, cookies []*http.Cookie) *authv3.CheckRequest {
	header := http.Header{"Accept": {"text/html"}, "Sec-Fetch-Dest": {"document"}}
	line := &http.Request{Header: header}
	for _, cookie := range cookies {
		line.AddCookie(cookie)
	}
	return ask(http.MethodGet, path, header)
}

// call is what Envoy sends for a program's request.
func call(path string) *authv3.CheckRequest {
	return ask(http.MethodGet, path, http.Header{"Accept": {"application/json"}})
}

// ask is a check as Envoy writes it: names in lower case, the parts of the request
// line among the headers, repeated headers joined.
func ask(method, path string, header http.Header) *authv3.CheckRequest {
	u, _ := url.Parse(appOrigin)
	headers := map[string]string{
		":authority": u.Host, ":method": method, ":path": path, ":scheme": u.Scheme, "x-forwarded-proto": u.Scheme,
		"x-request-id": "7f5c1c1e",
	}
	for name, values := range header {
		headers[strings.ToLower(name)] = strings.Join(values, ",")
	}
	return &authv3.CheckRequest{Attributes: &authv3.AttributeContext{
		Source: &authv3.AttributeContext_Peer{Address: &corev3.Address{Address: &corev3.Address_SocketAddress{
			SocketAddress: &corev3.SocketAddress{Address: "203.0.113.9", PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: 5555}},
		}}},
		Request: &authv3.AttributeContext_Request{Http: &authv3.AttributeContext_HttpRequest{
			Method: method, Path: path, Host: u.Host, Scheme: u.Scheme, Protocol: "HTTP/1.1", Size: -1, Headers: headers,
		}},
	}}
}

// asList changes a check into the form of encode_raw_headers.
func asList(check *authv3.CheckRequest) *authv3.CheckRequest {
	in := check.GetAttributes().GetRequest().GetHttp()
	in.HeaderMap = &corev3.HeaderMap{}
	for name, value := range in.GetHeaders() {
		in.HeaderMap.Headers = append(in.HeaderMap.Headers, &corev3.HeaderValue{Key: name, RawValue: []byte(value)})
	}
	in.Headers = nil
	return check
}

func (s *system) check(t testing.TB, check *authv3.CheckRequest) *authv3.CheckResponse {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	response, err := s.client.Check(ctx, check)
	require.NoError(t, err)
	return response
}

// upstream does with the client's headers what Envoy does after an OK: it sets,
// then it removes.
func upstream(t testing.TB, check *authv3.CheckRequest, response *authv3.CheckResponse) map[string][]string {
	t.Helper()
	require.Zero(t, response.GetStatus().GetCode())
	headers := map[string][]string{} // Envoy has names in lower case
	for name, value := range check.GetAttributes().GetRequest().GetHttp().GetHeaders() {
		headers[name] = []string{value}
	}
	for _, option := range response.GetOkResponse().GetHeaders() {
		require.False(t, appends(option))
		headers[option.GetHeader().GetKey()] = []string{option.GetHeader().GetValue()}
	}
	for _, name := range response.GetOkResponse().GetHeadersToRemove() {
		delete(headers, name)
	}
	return headers
}

// appends says whether a header is added to others of its name; both of Envoy's
// ways to say so must agree.
func appends(option *corev3.HeaderValueOption) bool {
	//lint:ignore SA1019 older releases read nothing else
	old := option.GetAppend().GetValue() //nolint:staticcheck // the same
	if old != (option.GetAppendAction() == corev3.HeaderValueOption_APPEND_IF_EXISTS_OR_ADD) {
		panic("the two ways contradict each other")
	}
	return old
}

// answer reads a denial.
func answer(t testing.TB, response *authv3.CheckResponse) (status int, header http.Header, body string) {
	t.Helper()
	require.NotZero(t, response.GetStatus().GetCode())
	require.Nil(t, response.GetOkResponse())
	header = http.Header{}
	for _, option := range response.GetDeniedResponse().GetHeaders() {
		header.Add(option.GetHeader().GetKey(), option.GetHeader().GetValue())
	}
	return int(response.GetDeniedResponse().GetStatus().GetCode()), header, response.GetDeniedResponse().GetBody()
}
