package emulator

import (
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
)

const (
	// controlPath is where tests control the emulator. No path of Clerk's begins with it.
	controlPath    = "/__control"
	maxControlBody = 1 << 20
)

// control is the emulator's handler: Clerk, and the control API below controlPath.
type control struct {
	clerk *clerktest.Clerk
	url   string
	token string // "" means that only programs on this machine have access
	mux   *http.ServeMux

	mu     sync.Mutex
	faults []func() // remove them
}

func newControl(clerk *clerktest.Clerk, url, token string) *control {
	c := &control{clerk: clerk, url: url, token: token, mux: http.NewServeMux()}
	for pattern, action := range map[string]func(*http.Request) (any, error){
		"GET /environment":   c.environment,
		"POST /advance":      c.advance,
		"POST /fault":        c.fault,
		"DELETE /fault":      c.clearFaults,
		"POST /outage":       c.outage,
		"DELETE /outage":     c.endOutage,
		"POST /sign-in":      c.signIn,
		"POST /revoke":       c.revoke,
		"POST /rotate-keys":  c.rotateKeys,
		"GET /calls":         c.calls,
		"DELETE /calls":      c.clearCalls,
		"GET /deliveries":    c.deliveries,
		"POST /rate-limit":   c.rateLimit,
		"POST /delete-user":  c.deleteUser,
		"POST /finish-tasks": c.finishTasks,
	} {
		method, rest, _ := strings.Cut(pattern, " ")
		c.mux.HandleFunc(method+" "+controlPath+rest, answerControl(action))
	}
	return c
}

// ServeHTTP serves the control API below controlPath, and Clerk everywhere else.
func (c *control) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != controlPath && !strings.HasPrefix(r.URL.Path, controlPath+"/") {
		c.clerk.ServeHTTP(w, r)
		return
	}
	switch {
	case c.token != "":
		if !c.hasToken(r) {
			w.Header().Set("WWW-Authenticate", `Bearer realm="clerkgate emulator"`)
			writeControl(w, http.StatusUnauthorized, map[string]any{"error": "the control API requires the token of --control-token as a bearer token"})
			return
		}
	case !fromThisMachine(r):
		writeControl(w, http.StatusForbidden, map[string]any{"error": "the control API is for programs on this machine, unless the emulator was started with --control-token"})
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxControlBody)
	c.mux.ServeHTTP(w, r)
}

// hasToken reports whether the request has the token. Web pages do not know it, so that no other check is needed.
func (c *control) hasToken(r *http.Request) bool {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.EqualFold(scheme, "Bearer") && subtle.ConstantTimeCompare([]byte(token), []byte(c.token)) == 1
}

// fromThisMachine reports whether the request comes from a program on this machine. It refuses other machines, and web
// pages in a browser on this machine, which it recognizes by the host name (a hostile resolver can point any name here)
// and by headers that only browsers send.
func fromThisMachine(r *http.Request) bool {
	remote, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !remote.Addr().Unmap().IsLoopback() {
		return false
	}
	host := r.Host
	if name, _, err := net.SplitHostPort(r.Host); err == nil {
		host = name
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	if !strings.EqualFold(host, "localhost") && (err != nil || !addr.IsLoopback()) {
		return false
	}
	site := r.Header.Get("Sec-Fetch-Site")
	return r.Header.Get("Origin") == "" && (site == "" || site == "none")
}

// controlError is a mistake in a control request.
type controlError struct{ text string }

func (ce *controlError) Error() string { return ce.text }

func mistake(format string, args ...any) error { return &controlError{fmt.Sprintf(format, args...)} }

func answerControl(action func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		answer, err := action(r)
		var wrong *controlError
		switch {
		case errors.As(err, &wrong):
			writeControl(w, http.StatusBadRequest, map[string]any{"error": wrong.text})
		case err != nil:
			writeControl(w, http.StatusInternalServerError, map[string]any{"error": "something went wrong"})
		default:
			writeControl(w, http.StatusOK, answer)
		}
	}
}

func writeControl(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // fails only if the client has disconnected
}

// readControl decodes a body; no body is an empty object. It refuses unknown members.
func readControl(r *http.Request, to any) error {
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(to); err != nil && !errors.Is(err, io.EOF) {
		return mistake("body: %v", err)
	}
	return nil
}

// environment returns the environment variables. For a caller with the token, which may be on another machine, URLs have
// the host name that the caller used.
func (c *control) environment(r *http.Request) (any, error) {
	url := c.url
	if c.token != "" && r.Host != "" {
		url = "http://" + r.Host
	}
	variables := map[string]string{"CLERK_JWT_KEY": c.clerk.JWTKey()}
	for _, v := range environment(c.clerk, url) {
		variables[v[0]] = v[1]
	}
	return variables, nil
}

// advance moves the clock by a duration such as "90s" or "-1h".
func (c *control) advance(r *http.Request) (any, error) {
	var body struct {
		By string `json:"by"`
	}
	if err := readControl(r, &body); err != nil {
		return nil, err
	}
	by, err := time.ParseDuration(body.By)
	if err != nil {
		return nil, mistake(`by: want a duration such as "90s"`)
	}
	c.clerk.Advance(by)
	return map[string]any{"now": c.clerk.Now().UTC().Format(time.RFC3339Nano)}, nil
}

// fault adds a fault; its members are those of clerktest.Fault.
func (c *control) fault(r *http.Request) (any, error) {
	var body struct {
		Method      string `json:"method"`
		Path        string `json:"path"`
		Status      int    `json:"status"`
		Code        string `json:"code"`
		Delay       string `json:"delay"`
		Hang        bool   `json:"hang"`
		Body        string `json:"body"`
		ContentType string `json:"content_type"`
		Times       int    `json:"times"`
	}
	if err := readControl(r, &body); err != nil {
		return nil, err
	}
	delay, err := time.ParseDuration("0" + body.Delay)
	switch {
	case err != nil:
		return nil, mistake(`delay: want a duration such as "2s"`)
	case body.Times < 0:
		return nil, mistake("times: want 0 (until cleared) or more")
	case body.Status != 0 && (body.Status < 200 || body.Status > 599):
		return nil, mistake("status: want 200 to 599")
	}
	remove := c.clerk.Fail(clerktest.Fault{
		Method: body.Method, Path: body.Path, Status: body.Status, Code: body.Code, Delay: delay, Hang: body.Hang,
		Body: body.Body, ContentType: body.ContentType, Times: body.Times,
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = append(c.faults, remove)
	return map[string]any{"faults": len(c.faults)}, nil
}

func (c *control) clearFaults(*http.Request) (any, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, remove := range c.faults {
		remove()
	}
	c.faults = nil
	return map[string]any{"faults": 0}, nil
}

// outage starts an outage; its members are those of clerktest.Outage.
func (c *control) outage(r *http.Request) (any, error) {
	var body struct {
		Kind       clerktest.OutageKind `json:"kind"`
		Part       clerktest.OutagePart `json:"part"`
		Delay      string               `json:"delay"`
		RetryAfter string               `json:"retry_after"`
		Flapping   string               `json:"flapping"`
		Lasts      string               `json:"lasts"`
	}
	if err := readControl(r, &body); err != nil {
		return nil, err
	}
	o := clerktest.Outage{Kind: body.Kind, Part: body.Part}
	for _, d := range []struct {
		name, value string
		to          *time.Duration
	}{{"delay", body.Delay, &o.Delay}, {"retry_after", body.RetryAfter, &o.RetryAfter}, {"flapping", body.Flapping, &o.Flapping}, {"lasts", body.Lasts, &o.Lasts}} {
		var err error
		if *d.to, err = time.ParseDuration("0" + d.value); err != nil {
			return nil, mistake(`%s: want a duration such as "10s"`, d.name)
		}
	}
	if o.Kind == "" {
		return nil, mistake("kind: want down, hang, slow, error, rate-limit or maintenance")
	}
	if err := o.Validate(); err != nil {
		return nil, mistake("%v", err)
	}
	c.clerk.SetOutage(o)
	return body, nil
}

func (c *control) endOutage(*http.Request) (any, error) {
	c.clerk.SetOutage(clerktest.Outage{})
	return map[string]any{"kind": ""}, nil
}

// signIn signs a user in, and returns the token and cookies of a client of the application at origin.
func (c *control) signIn(r *http.Request) (any, error) {
	var body struct {
		Email  string `json:"email"`
		Origin string `json:"origin"`
	}
	if err := readControl(r, &body); err != nil {
		return nil, err
	}
	known := false
	for _, user := range c.clerk.Users() {
		known = known || strings.EqualFold(user.Email, strings.TrimSpace(body.Email))
	}
	if !known {
		return nil, mistake("email: no user %q", body.Email)
	}
	session := c.clerk.SignIn(body.Email)
	cookies, pairs := map[string]string{}, []string{}
	for _, cookie := range c.clerk.Cookies(session.ID, body.Origin) {
		cookies[cookie.Name] = cookie.Value
		pairs = append(pairs, cookie.Name+"="+cookie.Value)
	}
	return map[string]any{
		"session_id": session.ID, "user_id": session.UserID, "client_id": session.ClientID, "status": session.Status,
		"token": cookies["__session"], "cookies": cookies, "cookie": strings.Join(pairs, "; "),
	}, nil
}

// sessionOf returns the session that the body names.
func (c *control) sessionOf(r *http.Request) (*clerktest.Session, error) {
	var body struct {
		SessionID string `json:"session_id"`
	}
	if err := readControl(r, &body); err != nil {
		return nil, err
	}
	session := c.clerk.Session(body.SessionID)
	if session == nil {
		return nil, mistake("session_id: no session %q", body.SessionID)
	}
	return session, nil
}

func (c *control) revoke(r *http.Request) (any, error) {
	session, err := c.sessionOf(r)
	if err != nil {
		return nil, err
	}
	c.clerk.RevokeSession(session.ID)
	return map[string]any{"session_id": session.ID, "status": c.clerk.Session(session.ID).Status}, nil
}

func (c *control) finishTasks(r *http.Request) (any, error) {
	session, err := c.sessionOf(r)
	if err != nil {
		return nil, err
	}
	c.clerk.CompleteTasks(session.ID)
	return map[string]any{"session_id": session.ID, "status": c.clerk.Session(session.ID).Status}, nil
}

func (c *control) deleteUser(r *http.Request) (any, error) {
	var body struct {
		UserID string `json:"user_id"`
	}
	if err := readControl(r, &body); err != nil {
		return nil, err
	}
	if !c.clerk.DeleteUser(body.UserID) {
		return nil, mistake("user_id: no user %q", body.UserID)
	}
	return map[string]any{"user_id": body.UserID, "deleted": true}, nil
}

// rotateKeys changes the signing key, and removes the old ones from the JWKS unless keep_old is set.
func (c *control) rotateKeys(r *http.Request) (any, error) {
	var body struct {
		KeepOld bool `json:"keep_old"`
	}
	if err := readControl(r, &body); err != nil {
		return nil, err
	}
	if body.KeepOld {
		c.clerk.RotateKeysKeepOld()
	} else {
		c.clerk.RotateKeys()
	}
	return map[string]any{"CLERK_JWT_KEY": c.clerk.JWTKey()}, nil
}

func (c *control) rateLimit(r *http.Request) (any, error) {
	var body struct {
		Requests int `json:"requests"`
	}
	if err := readControl(r, &body); err != nil {
		return nil, err
	}
	c.clerk.SetRateLimit(body.Requests)
	return body, nil
}

// calls returns the recorded requests without headers, filtered by method and path.
func (c *control) calls(r *http.Request) (any, error) {
	method, pattern := r.URL.Query().Get("method"), r.URL.Query().Get("path")
	if _, err := path.Match(pattern, ""); err != nil {
		return nil, mistake("path: want a path, with * for one segment")
	}
	calls := []map[string]any{}
	for _, call := range c.clerk.Calls() {
		fits, _ := path.Match(pattern, call.Path)
		if (method == "" || method == call.Method) && (pattern == "" || fits) {
			calls = append(calls, map[string]any{
				"method": call.Method, "path": call.Path, "query": call.Query, "body": string(call.Body), "status": call.Status,
			})
		}
	}
	return map[string]any{"calls": calls}, nil
}

func (c *control) clearCalls(*http.Request) (any, error) {
	c.clerk.ResetCalls()
	return map[string]any{"calls": []any{}}, nil
}

// deliveries returns the webhooks that were sent, after waiting for those in progress.
func (c *control) deliveries(*http.Request) (any, error) {
	deliveries := []map[string]any{}
	for _, d := range c.clerk.Deliveries() {
		deliveries = append(deliveries, map[string]any{
			"id": d.ID, "url": d.URL, "event": d.Event, "attempts": d.Attempts, "status": d.Status, "body": json.RawMessage(d.Body),
		})
	}
	return map[string]any{"deliveries": deliveries}, nil
}
