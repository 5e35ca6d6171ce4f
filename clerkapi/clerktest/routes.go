package clerktest

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
)

// maxBody bounds the body of a request, in bytes; a longer one gets 413, as from Clerk.
const maxBody = 1 << 20

// routes returns the handler of all operations and pages.
func (c *Clerk) routes() *http.ServeMux {
	mux := http.NewServeMux()
	for pattern, endpoint := range map[string]backendEndpoint{
		"GET /v1/jwks":                      c.getJWKS,
		"GET /v1/instance":                  c.getInstance,
		"GET /v1/sessions/{id}":             c.getSession,
		"POST /v1/sessions/{id}/revoke":     c.revokeSession,
		"POST /v1/sessions/{id}/refresh":    c.refreshSession,
		"GET /v1/clients/handshake_payload": c.getHandshakePayload,
		"GET /v1/users":                     c.listUsers,
		"GET /v1/users/count":               c.countUsers,
		"GET /v1/users/{id}":                c.getUser,
		"DELETE /v1/users/{id}":             c.removeUser,

		"GET /v1/sessions":                         c.listSessions,
		"POST /v1/sessions":                        c.createSession,
		"POST /v1/sessions/{id}/verify":            c.verifySession,
		"POST /v1/sessions/{id}/tokens":            c.createBackendToken,
		"POST /v1/sessions/{id}/tokens/{template}": c.createBackendTemplateToken,
		"GET /v1/clients":                          c.listClients,
		"GET /v1/clients/{id}":                     c.getBackendClient,
		"POST /v1/clients/verify":                  c.verifyClient,
		"POST /v1/testing_tokens":                  c.createTestingToken,
		"POST /v1/sign_in_tokens":                  c.createSignInToken,
		"POST /v1/sign_in_tokens/{id}/revoke":      c.revokeSignInToken,
	} {
		mux.HandleFunc(pattern, c.backend(endpoint))
	}
	// Clerk's own clients call these without the version, but its specification lists them with it.
	for _, version := range []string{"", "/v1"} {
		mux.HandleFunc("POST "+version+"/m2m_tokens/verify", c.machine(true, c.verifyMachineToken(KindM2M, "token")))
		mux.HandleFunc("POST "+version+"/m2m_tokens", c.machine(true, c.createM2MToken))
		mux.HandleFunc("GET "+version+"/m2m_tokens", c.machine(true, c.listM2MTokens))
		mux.HandleFunc("POST "+version+"/m2m_tokens/{id}/revoke", c.machine(true, c.revokeMachineToken(KindM2M)))
		mux.HandleFunc("POST "+version+"/api_keys", c.machine(false, c.createAPIKey))
		mux.HandleFunc("GET "+version+"/api_keys", c.machine(false, c.listAPIKeys))
		mux.HandleFunc("GET "+version+"/api_keys/{id}", c.machine(false, c.getAPIKey))
		mux.HandleFunc("GET "+version+"/api_keys/{id}/secret", c.machine(false, c.getAPIKeySecret))
		mux.HandleFunc("DELETE "+version+"/api_keys/{id}", c.machine(false, c.deleteAPIKey))
		mux.HandleFunc("POST "+version+"/api_keys/verify", c.machine(false, c.verifyMachineToken(KindAPIKey, "secret")))
		mux.HandleFunc("POST "+version+"/api_keys/{id}/revoke", c.machine(false, c.revokeMachineToken(KindAPIKey)))
		mux.HandleFunc("POST "+version+"/oauth_applications/access_tokens/verify",
			c.machine(false, c.verifyMachineToken(KindOAuth, "access_token", "secret")))
	}
	for pattern, endpoint := range map[string]frontendEndpoint{
		"POST /v1/dev_browser":                               c.createDevBrowser,
		"GET /v1/environment":                                c.environment,
		"PATCH /v1/environment":                              c.environment,
		"GET /v1/client":                                     c.getClient,
		"DELETE /v1/client":                                  c.deleteClient,
		"POST /v1/client/sign_ins":                           c.createSignIn,
		"POST /v1/client/sign_ins/{id}/prepare_first_factor": c.prepareFirstFactor,
		"POST /v1/client/sign_ins/{id}/attempt_first_factor": c.attemptFirstFactor,
		"DELETE /v1/client/sessions":                         c.deleteSessions,
		"POST /v1/client/sessions/{id}/touch":                c.touchSession,
		"POST /v1/client/sessions/{id}/tokens":               c.createToken,
		"POST /v1/client/sessions/{id}/tokens/{template}":    c.createTemplateToken,
		"POST /v1/client/sessions/{id}/end":                  c.endSession,
		"POST /v1/client/sessions/{id}/remove":               c.removeSession,
	} {
		mux.HandleFunc(pattern, c.frontend(endpoint))
	}
	mux.HandleFunc("GET /v1/client/handshake", c.handshake)
	mux.HandleFunc("GET /.well-known/jwks.json", c.publicJWKS)
	for _, path := range [...]string{"/sign-in", "/sign-in/create"} { // the second is where people sign up
		mux.HandleFunc("GET "+path, c.page(c.signInPage))
		mux.HandleFunc("POST "+path, c.page(c.signInSubmit))
	}
	mux.HandleFunc("GET /sign-out", c.page(c.signOutPage))
	mux.HandleFunc("POST /sign-out", c.page(c.signOutSubmit))
	return mux
}

// ServeHTTP records the call, applies the outage and faults, and responds.
func (c *Clerk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// The body is read before anything waits, because net/http detects a disconnect only after that.
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	sw := &statusWriter{ResponseWriter: w}
	sw.Header().Set(traceHeader, strings.ToLower(randomWord(32)))
	call := c.calls.begin(r, body)
	defer func() {
		c.calls.end(call, sw.status)
		c.log.DebugContext(r.Context(), "clerk call", "method", r.Method, "path", r.URL.Path, "status", sw.status)
	}()
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		writeError(sw, refuse(http.StatusRequestEntityTooLarge, "request_body_too_large", "request body is too large"))
		return
	case err != nil:
		writeError(sw, refuse(http.StatusBadRequest, "request_body_invalid", "request body could not be read"))
		return
	}
	if c.outage.hit(r, c.Now()).act(sw, r, c.production) {
		return
	}
	if fault := c.faults.take(r); fault != nil && fault.act(sw, r) {
		return
	}
	r = r.WithContext(r.Context()) // a copy, so that the caller's request is not changed
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.Method = effectiveMethod(r)
	if _, pattern := c.mux.Handler(r); pattern == "" {
		c.noRoute(sw, r)
		return
	}
	c.mux.ServeHTTP(sw, r)
}

// effectiveMethod returns the method that is meant. Clerk's browser client sends only GET and POST, and other methods in
// a query parameter.
func effectiveMethod(r *http.Request) string {
	if r.Method != http.MethodPost || (!matchPath("/v1/client", r.URL.Path) && !matchPath("/v1/environment", r.URL.Path)) {
		return r.Method
	}
	wanted := r.URL.Query().Get("_method")
	if slices.Contains([]string{http.MethodPatch, http.MethodPut, http.MethodDelete}, wanted) {
		return wanted
	}
	return r.Method
}

// noRoute responds to a request without a route. An operation that Clerk may have gets 501, because 404 would look like
// a missing user or session. A page gets 404, or 405 with Allow; ServeMux knows which, but its response is plain text.
func (c *Clerk) noRoute(w http.ResponseWriter, r *http.Request) {
	for _, api := range []string{"/v1", "/m2m_tokens", "/api_keys", "/oauth_applications"} {
		if matchPath(api, r.URL.Path) {
			operation := strings.ToValidUTF8(r.Method+" "+r.URL.Path, "?")
			writeError(w, refuse(http.StatusNotImplemented, "operation_not_emulated", "the local Clerk does not have "+operation))
			return
		}
	}
	probe := &discard{header: http.Header{}}
	c.mux.ServeHTTP(probe, r)
	if probe.status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", probe.header.Get("Allow"))
		writeError(w, refuse(http.StatusMethodNotAllowed, "method_not_allowed", "this method is not allowed here"))
		return
	}
	writeError(w, notFound("page"))
}

type discard struct {
	header http.Header
	status int
}

func (dc *discard) Header() http.Header         { return dc.header }
func (dc *discard) Write(p []byte) (int, error) { return len(p), nil }
func (dc *discard) WriteHeader(status int)      { dc.status = status }
