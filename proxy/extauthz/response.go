package extauthz

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/clerkgate/clerkgate/internal/wire"
)

// recorder is a ResponseWriter that keeps a small answer.
type recorder struct {
	header   http.Header
	sent     http.Header // header as it was when the status was written
	status   int         // 0 until then
	body     strings.Builder
	overflow bool
}

var errAnswerTooLarge = errors.New("the answer is too large for a check")

func (w *recorder) Header() http.Header { return w.header }

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status, w.sent = status, w.header.Clone()
	}
}

func (w *recorder) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if w.overflow = w.overflow || w.body.Len()+len(p) > maxAnswerBytes; w.overflow {
		return 0, errAnswerTooLarge
	}
	return w.body.Write(p)
}

// grants tells a grant from a document with status 200 that is the handler's own.
func (s *Server) grants(answer http.Header) bool {
	for name := range answer {
		if s.opts.Identity(name) {
			return true
		}
	}
	return false
}

// allowed says a grant. What is set here replaces the client's header of the same
// name; whatever else of its making could be read as an identity is removed
// (CVE-2026-30851, CVE-2025-64484). No name is in both lists, because Envoy removes
// last.
func (s *Server) allowed(answer http.Header, spoofed []string) *authv3.CheckResponse {
	ok := &authv3.OkHttpResponse{}
	set := map[string]bool{}
	for _, name := range names(answer) {
		key := strings.ToLower(name)
		switch {
		case name == "Set-Cookie", name == "Vary":
			for _, value := range answer[name] {
				ok.ResponseHeadersToAdd = append(ok.ResponseHeadersToAdd, add(key, value))
			}
		case forBrowser(name, answer):
			ok.ResponseHeadersToAdd = append(ok.ResponseHeadersToAdd, overwrite(key, strings.Join(answer[name], ", ")))
		case ofAnswer(name), !s.opts.Identity(name) && !s.opts.Upstream(name):
		case strings.Join(answer[name], "") == "":
			ok.HeadersToRemove = append(ok.HeadersToRemove, key)
		default:
			ok.Headers = append(ok.Headers, overwrite(key, strings.Join(answer[name], ", ")))
			set[key] = true
		}
	}
	for _, key := range spoofed {
		if !set[key] {
			ok.HeadersToRemove = append(ok.HeadersToRemove, key)
		}
	}
	slices.Sort(ok.HeadersToRemove)
	ok.HeadersToRemove = slices.Compact(ok.HeadersToRemove)
	return &authv3.CheckResponse{
		Status:       &rpcstatus.Status{Code: int32(codes.OK)},
		HttpResponse: &authv3.CheckResponse_OkResponse{OkResponse: ok},
	}
}

// forBrowser picks the headers of a grant that belong on the application's answer.
// Cache-Control is among them only beside a cookie: alone it speaks of the grant.
func forBrowser(name string, answer http.Header) bool {
	return strings.HasPrefix(name, "Access-Control-") || name == "Cache-Control" && len(answer["Set-Cookie"]) > 0
}

// ofAnswer names headers that can only be about the grant itself.
func ofAnswer(name string) bool {
	return name == "Cache-Control" || name == "Content-Type" || name == "X-Content-Type-Options" || ofEnvoy(name)
}

// denied passes an answer to the browser.
func denied(w *recorder) *authv3.CheckResponse {
	status := typev3.StatusCode(w.status) //nolint:gosec // three digits
	if _, known := typev3.StatusCode_name[int32(status)]; !known {
		status = typev3.StatusCode_Forbidden
	}
	code := codes.PermissionDenied
	if status == typev3.StatusCode_Unauthorized {
		code = codes.Unauthenticated
	}
	out := &authv3.DeniedHttpResponse{Status: &typev3.HttpStatus{Code: status}, Body: strings.ToValidUTF8(w.body.String(), "\uFFFD")}
	for _, name := range names(w.sent) {
		if ofEnvoy(name) {
			continue
		}
		key := strings.ToLower(name)
		if values := w.sent[name]; name != "Set-Cookie" && len(values) == 1 {
			out.Headers = append(out.Headers, overwrite(key, values[0]))
			continue
		}
		for _, value := range w.sent[name] {
			out.Headers = append(out.Headers, add(key, value))
		}
	}
	return &authv3.CheckResponse{
		Status:       &rpcstatus.Status{Code: int32(code)},
		HttpResponse: &authv3.CheckResponse_DeniedResponse{DeniedResponse: out},
	}
}

// refusal is a denial without a handler's answer.
func refusal(status int) *authv3.CheckResponse {
	w := &recorder{header: http.Header{"Cache-Control": {"no-store"}, "Content-Type": {"text/plain; charset=utf-8"}}}
	w.WriteHeader(status)
	_, _ = w.body.WriteString(http.StatusText(status) + "\n")
	return denied(w)
}

// ofEnvoy names what Envoy writes itself.
func ofEnvoy(name string) bool {
	return wire.IsHopByHop(name) || name == "Content-Length" || name == "Date"
}

func overwrite(key, value string) *corev3.HeaderValueOption {
	return option(key, value, corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD)
}

func add(key, value string) *corev3.HeaderValueOption {
	return option(key, value, corev3.HeaderValueOption_APPEND_IF_EXISTS_OR_ADD)
}

// option says it in both of Envoy's ways: the field append is all that older
// releases know, and where it is set newer ones look at nothing else.
func option(key, value string, action corev3.HeaderValueOption_HeaderAppendAction) *corev3.HeaderValueOption {
	return &corev3.HeaderValueOption{
		Header:       &corev3.HeaderValue{Key: key, Value: safe(value)},
		AppendAction: action,
		//lint:ignore SA1019 without it an older Envoy keeps the last of several cookies
		Append: wrapperspb.Bool(action == corev3.HeaderValueOption_APPEND_IF_EXISTS_OR_ADD), //nolint:staticcheck // see above
	}
}

// safe is for what net/http does to any header value that it writes, and protobuf
// asks of text: no line ends, and UTF-8.
func safe(value string) string {
	return strings.ToValidUTF8(strings.NewReplacer("\r", " ", "\n", " ", "\x00", " ").Replace(value), "?")
}

// names are sorted so that equal answers are equal messages.
func names(h http.Header) []string {
	all := make([]string, 0, len(h))
	for name := range h {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}
