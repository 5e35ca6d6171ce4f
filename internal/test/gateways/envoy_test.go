package gateways

import (
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	accesslogv3 "github.com/envoyproxy/go-control-plane/envoy/config/accesslog/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// Envoy itself is not among Debian's packages. These tests put a stand-in in its
// place that does what Envoy's documentation and source say of the filter
// ext_authz, with all lists, patterns and limits read from the recipes. The
// questions, answers, sockets and the clerkgate binary are real.
func TestEnvoyHTTP(t *testing.T) {
	testRecipeWithoutCacheControl(t, func(t *testing.T, s *stack) {
		_, c := readEnvoy(t, envoyRecipe("http.yaml"))
		startEnvoy(t, s, c, &httpAsker{config: c, address: s.gate.address, client: &http.Client{
			Timeout:       c.authz.GetHttpService().GetServerUri().GetTimeout().AsDuration(),
			Transport:     &http.Transport{DisableCompression: true, DisableKeepAlives: true},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}})
	}, testClerkIsDownBarely)
}

func TestEnvoyGRPC(t *testing.T) {
	listen := freeAddress(t)
	testRecipeIn(t, map[string]string{"CLERKGATE_EXT_AUTHZ_LISTEN": listen}, func(t *testing.T, s *stack) {
		waitFor(t, s.gate.process, listen)
		_, c := readEnvoy(t, envoyRecipe("grpc.yaml"))
		conn, err := grpc.NewClient(listen, grpc.WithTransportCredentials(insecure.NewCredentials()))
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		startEnvoy(t, s, c, &grpcAsker{config: c, client: authv3.NewAuthorizationClient(conn)})
	}, testRefreshed, testClerkIsDown)
}

// verdict is the outcome of a question.
type verdict struct {
	allowed bool
	// set and remove change the request to the application, in this order.
	set    http.Header
	remove []string
	// back is added to the application's answer, replace replaces there.
	back, replace http.Header
	// status, header and body are the answer to the browser when it is not allowed.
	status int
	header http.Header
	body   string
}

// asker asks clerkgate about a request whose headers are in lower case.
type asker interface {
	ask(r *http.Request, path string, headers http.Header) (verdict, error)
}

// envoy is the stand-in.
type envoy struct {
	t      testing.TB
	config envoyConfig
	asker  asker
	app    *url.URL
}

func startEnvoy(t testing.TB, s *stack, c envoyConfig, a asker) {
	t.Helper()
	app, err := url.Parse("http://" + s.app.address)
	require.NoError(t, err)
	var lc net.ListenConfig
	listener, err := lc.Listen(t.Context(), "tcp", s.address)
	require.NoError(t, err)
	server := &http.Server{
		Handler: &envoy{t: t, config: c, asker: a, app: app}, ReadHeaderTimeout: 10 * time.Second, DisableGeneralOptionsHandler: true,
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	t.Cleanup(func() {
		_ = server.Close()
		<-ended
	})
}

func (e *envoy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.RequestURI
	if rest, ok := strings.CutPrefix(path, "http://"); ok { // the absolute form
		path = rest[min(len(rest), len(r.Host)):]
	}
	if !strings.HasPrefix(path, "/") || r.Method == http.MethodConnect || r.Host == "" {
		http.Error(w, "", http.StatusBadRequest)
		return
	}
	headers := e.received(r)
	v, err := e.asker.ask(r, path, headers)
	switch {
	case err != nil:
		e.replyLocally(w, r, int(e.config.authz.GetStatusOnError().GetCode()))
	case !v.allowed:
		for name, values := range v.header {
			w.Header()[http.CanonicalHeaderKey(name)] = values
		}
		w.WriteHeader(v.status)
		_, _ = io.WriteString(w, v.body)
	default:
		e.forward(w, r, path, headers, v)
	}
}

// replyLocally answers in Envoy's own name, after the failure of clerkgate (UAEX), as the first
// mapper says that matches.
func (e *envoy) replyLocally(w http.ResponseWriter, r *http.Request, status int) {
	for _, m := range e.config.manager.GetLocalReplyConfig().GetMappers() {
		if !concerns(m.GetFilter(), r, status) {
			continue
		}
		for _, o := range m.GetHeadersToAdd() {
			w.Header().Set(o.GetHeader().GetKey(), o.GetHeader().GetValue())
		}
		format := m.GetBodyFormatOverride()
		body := format.GetTextFormatSource().GetInlineString()
		if fields := format.GetJsonFormat(); fields != nil {
			text, err := fields.MarshalJSON()
			require.NoError(e.t, err)
			body = string(text)
			w.Header().Set("Content-Type", "application/json")
		}
		if kind := format.GetContentType(); kind != "" {
			w.Header().Set("Content-Type", kind)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
		return
	}
	w.WriteHeader(status)
}

// concerns is as much of the filters of access logs as the recipes use.
func concerns(f *accesslogv3.AccessLogFilter, r *http.Request, status int) bool {
	switch {
	case f.GetAndFilter() != nil:
		return !slices.ContainsFunc(f.GetAndFilter().GetFilters(), func(f *accesslogv3.AccessLogFilter) bool { return !concerns(f, r, status) })
	case f.GetStatusCodeFilter() != nil:
		return status == int(f.GetStatusCodeFilter().GetComparison().GetValue().GetDefaultValue())
	case f.GetResponseFlagFilter() != nil:
		return slices.Contains(f.GetResponseFlagFilter().GetFlags(), "UAEX")
	case f.GetHeaderFilter() != nil:
		h := f.GetHeaderFilter().GetHeader()
		value := r.Header.Get(h.GetName())
		if h.GetName() == ":method" {
			value = r.Method
		}
		return value == h.GetStringMatch().GetExact()
	}
	panic("the stand-in does not know this filter")
}

// received are the headers after the connection manager: dropped, mutated, and
// with what Envoy itself says of the client.
func (e *envoy) received(r *http.Request) http.Header {
	headers := http.Header{}
	for name, values := range r.Header {
		name = strings.ToLower(name)
		if !strings.Contains(name, "_") { // headers_with_underscores_action
			headers[name] = append(headers[name], values...)
		}
	}
	for _, mutation := range e.config.early.GetMutations() {
		delete(headers, mutation.GetRemove())
		for name := range headers {
			if m := mutation.GetRemoveOnMatch(); m != nil && matches(m.GetKeyMatcher(), name) {
				delete(headers, name)
			}
		}
	}
	client := netip.MustParseAddrPort(r.RemoteAddr).Addr().String()
	headers["x-forwarded-for"] = []string{strings.Join(append(headers["x-forwarded-for"], client), ",")}
	headers["x-forwarded-proto"] = []string{"http"}
	return headers
}

func (e *envoy) forward(w http.ResponseWriter, r *http.Request, path string, headers http.Header, v verdict) {
	proxy := &httputil.ReverseProxy{
		Rewrite: func(pr *httputil.ProxyRequest) {
			upgrade := pr.Out.Header["Upgrade"]
			pr.Out.Header = http.Header{}
			for name, values := range headers {
				pr.Out.Header[http.CanonicalHeaderKey(name)] = values
			}
			pr.Out.Header.Del("Connection")
			if len(upgrade) > 0 {
				pr.Out.Header["Connection"], pr.Out.Header["Upgrade"] = []string{"Upgrade"}, upgrade
			}
			for name, values := range v.set {
				pr.Out.Header[http.CanonicalHeaderKey(name)] = values
			}
			for _, name := range v.remove {
				pr.Out.Header.Del(name)
			}
			pr.Out.URL = &url.URL{Scheme: e.app.Scheme, Host: e.app.Host, Opaque: path}
		},
		ModifyResponse: func(res *http.Response) error {
			for name, values := range v.back {
				name = http.CanonicalHeaderKey(name)
				res.Header[name] = append(res.Header[name], values...)
			}
			for name, values := range v.replace {
				res.Header[http.CanonicalHeaderKey(name)] = values
			}
			return nil
		},
		Transport: &http.Transport{DisableCompression: true, DisableKeepAlives: true},
	}
	proxy.ServeHTTP(w, r)
}

// httpAsker asks as the filter does with http_service.
type httpAsker struct {
	config  envoyConfig
	address string
	client  *http.Client
}

func (a *httpAsker) ask(r *http.Request, path string, headers http.Header) (verdict, error) {
	service := a.config.authz.GetHttpService()
	question, err := http.NewRequestWithContext(r.Context(), r.Method, "http://"+a.address+"/", nil)
	if err != nil {
		return verdict{}, err
	}
	question.URL.Opaque = service.GetPathPrefix() + path // as it came, well formed or not
	question.Host = r.Host
	for name, values := range headers {
		if name == "authorization" || listed(a.config.authz.GetAllowedHeaders(), name) {
			question.Header[http.CanonicalHeaderKey(name)] = values
		}
	}
	if chain := question.Header["X-Forwarded-For"]; len(chain) > 0 { // the client of Envoy's own questions adds itself
		question.Header["X-Forwarded-For"] = []string{chain[0] + ",127.0.0.1"}
	}
	res, err := a.client.Do(question)
	if err != nil {
		return verdict{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode >= 500 {
		return verdict{}, net.ErrClosed // an error, not an answer
	}
	if res.StatusCode != http.StatusOK {
		return verdict{status: res.StatusCode, header: res.Header, body: string(body)}, nil
	}
	v := verdict{allowed: true, set: http.Header{}, back: http.Header{}}
	response := service.GetAuthorizationResponse()
	for name, values := range res.Header {
		name = strings.ToLower(name)
		if listed(response.GetAllowedUpstreamHeaders(), name) {
			v.set[name] = values[len(values)-1:]
		}
		if listed(response.GetAllowedClientHeadersOnSuccess(), name) {
			v.back[name] = values
		}
	}
	return v, nil
}

// grpcAsker asks as the filter does with grpc_service and encode_raw_headers.
type grpcAsker struct {
	config envoyConfig
	client authv3.AuthorizationClient
}

func (a *grpcAsker) ask(r *http.Request, path string, headers http.Header) (verdict, error) {
	client := netip.MustParseAddrPort(r.RemoteAddr)
	list := &corev3.HeaderMap{}
	add := func(name, value string) {
		list.Headers = append(list.Headers, &corev3.HeaderValue{Key: name, RawValue: []byte(value)})
	}
	add(":authority", r.Host)
	add(":path", path)
	add(":method", r.Method)
	add(":scheme", "http")
	for name, values := range headers {
		for _, value := range values {
			add(name, value)
		}
	}
	response, err := a.client.Check(r.Context(), &authv3.CheckRequest{Attributes: &authv3.AttributeContext{
		Source: &authv3.AttributeContext_Peer{Address: &corev3.Address{Address: &corev3.Address_SocketAddress{
			SocketAddress: &corev3.SocketAddress{Address: client.Addr().String(), PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: uint32(client.Port())}},
		}}},
		Request: &authv3.AttributeContext_Request{Http: &authv3.AttributeContext_HttpRequest{
			Id: "1", Method: r.Method, Path: path, Host: r.Host, Scheme: "http", Protocol: "HTTP/1.1", Size: r.ContentLength, HeaderMap: list,
		}},
	}})
	if err != nil {
		return verdict{}, err
	}
	if response.GetStatus().GetCode() != 0 {
		denied := response.GetDeniedResponse()
		v := verdict{status: max(int(denied.GetStatus().GetCode()), http.StatusForbidden), header: http.Header{}, body: denied.GetBody()}
		if code := int(denied.GetStatus().GetCode()); code != 0 {
			v.status = code
		}
		v.header, _ = mutations(denied.GetHeaders())
		return v, nil
	}
	ok := response.GetOkResponse()
	v := verdict{allowed: true, remove: ok.GetHeadersToRemove()}
	_, v.set = mutations(ok.GetHeaders())
	v.back, v.replace = split(ok.GetResponseHeadersToAdd())
	return v, nil
}

// split tells headers that are added from headers that replace.
func split(options []*corev3.HeaderValueOption) (added, replaced http.Header) {
	added, replaced = http.Header{}, http.Header{}
	for _, o := range options {
		h := o.GetHeader()
		if o.GetAppendAction() == corev3.HeaderValueOption_APPEND_IF_EXISTS_OR_ADD {
			added[h.GetKey()] = append(added[h.GetKey()], h.GetValue())
		} else {
			replaced[h.GetKey()] = []string{h.GetValue()}
		}
	}
	return added, replaced
}

// mutations returns all headers, and those that replace.
func mutations(options []*corev3.HeaderValueOption) (all, replaced http.Header) {
	added, replaced := split(options)
	all = replaced.Clone()
	for name, values := range added {
		all[name] = append(all[name], values...)
	}
	return all, replaced
}

// listed says whether a header is in a list of matchers.
func listed(list *matcherv3.ListStringMatcher, name string) bool {
	return slices.ContainsFunc(list.GetPatterns(), func(m *matcherv3.StringMatcher) bool { return matches(m, name) })
}

// matches is as much of a StringMatcher as the recipes use; a regular expression
// matches the whole.
func matches(m *matcherv3.StringMatcher, name string) bool {
	switch pattern := m.GetMatchPattern().(type) {
	case *matcherv3.StringMatcher_Exact:
		return pattern.Exact == name
	case *matcherv3.StringMatcher_Prefix:
		return strings.HasPrefix(name, pattern.Prefix)
	case *matcherv3.StringMatcher_SafeRegex:
		return regexp.MustCompile(`^(?:` + pattern.SafeRegex.GetRegex() + `)$`).MatchString(name)
	}
	panic("the stand-in does not know this matcher")
}
