package envoy

import (
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

// allowed converts a grant. Headers that it sets replace the client's of the same name;
// all other client headers that could be read as an identity are removed
// (CVE-2026-30851, CVE-2025-64484). No name is in both lists, because Envoy removes
// after it sets.
func allowed(answer http.Header, spoofed []string) *authv3.CheckResponse {
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
		case ofAnswer(name), wire.ClaimsForwarded(name) && !wire.IsForwardedUser(name):
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

// forBrowser reports whether a header of a grant belongs in the application's response.
// Cache-Control does only together with a cookie; otherwise it is about the grant.
func forBrowser(name string, answer http.Header) bool {
	return strings.HasPrefix(name, "Access-Control-") || name == "Cache-Control" && len(answer["Set-Cookie"]) > 0
}

// ofAnswer reports whether a header can only be about the grant itself.
func ofAnswer(name string) bool {
	return name == "Cache-Control" || name == "Content-Type" || name == "X-Content-Type-Options" || ofEnvoy(name)
}

// denied converts any other answer, which goes to the browser.
func denied(status int, header http.Header, body []byte) *authv3.CheckResponse {
	known := typev3.StatusCode(status) //nolint:gosec // three digits
	if _, ok := typev3.StatusCode_name[int32(known)]; !ok {
		known = typev3.StatusCode_Forbidden
	}
	code := codes.PermissionDenied
	if known == typev3.StatusCode_Unauthorized {
		code = codes.Unauthenticated
	}
	out := &authv3.DeniedHttpResponse{Status: &typev3.HttpStatus{Code: known}, Body: strings.ToValidUTF8(string(body), "\uFFFD")}
	for _, name := range names(header) {
		if ofEnvoy(name) {
			continue
		}
		key, values := strings.ToLower(name), header[name]
		if name != "Set-Cookie" && len(values) == 1 {
			out.Headers = append(out.Headers, overwrite(key, values[0]))
			continue
		}
		for _, value := range values {
			out.Headers = append(out.Headers, add(key, value))
		}
	}
	return &authv3.CheckResponse{
		Status:       &rpcstatus.Status{Code: int32(code)},
		HttpResponse: &authv3.CheckResponse_DeniedResponse{DeniedResponse: out},
	}
}

// refusal returns a denial of a check that was not judged.
func refusal(status int) *authv3.CheckResponse {
	header := http.Header{"Cache-Control": {"no-store"}, "Content-Type": {"text/plain; charset=utf-8"}}
	return denied(status, header, []byte(http.StatusText(status)+"\n"))
}

// ofEnvoy reports whether Envoy itself sets the header.
func ofEnvoy(name string) bool {
	return wire.IsHopByHop(name) || name == "Content-Length" || name == "Date"
}

func overwrite(key, value string) *corev3.HeaderValueOption {
	return option(key, value, corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD)
}

func add(key, value string) *corev3.HeaderValueOption {
	return option(key, value, corev3.HeaderValueOption_APPEND_IF_EXISTS_OR_ADD)
}

// option sets both fields for the action: older releases of Envoy know only append, and
// if that is set, newer ones ignore the other.
func option(key, value string, action corev3.HeaderValueOption_HeaderAppendAction) *corev3.HeaderValueOption {
	return &corev3.HeaderValueOption{
		Header:       &corev3.HeaderValue{Key: key, Value: safe(value)},
		AppendAction: action,
		//lint:ignore SA1019 without it an older Envoy keeps the last of several cookies
		Append: wrapperspb.Bool(action == corev3.HeaderValueOption_APPEND_IF_EXISTS_OR_ADD), //nolint:staticcheck // see above
	}
}

// safe replaces line breaks, as net/http does when it writes a header, and invalid
// UTF-8, which protobuf does not allow.
func safe(value string) string {
	return strings.ToValidUTF8(strings.NewReplacer("\r", " ", "\n", " ", "\x00", " ").Replace(value), "?")
}

// names returns the sorted names, so that equal answers give equal messages.
func names(h http.Header) []string {
	all := make([]string, 0, len(h))
	for name := range h {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}
