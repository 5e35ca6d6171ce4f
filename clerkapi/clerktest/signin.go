package clerktest

import (
	"io"
	"mime"
	"net/http"
	"net/url"
	"time"
)

// signInLifetime is how long an attempt stays open.
const signInLifetime = 24 * time.Hour

// signIn is an attempt to sign in that knows who, and waits for the password.
type signIn struct {
	id        string
	user      *User
	createdAt time.Time
}

// createSignIn takes identifier and password at once, or the identifier first.
func (c *Clerk) createSignIn(call *frontendCall) (any, error) {
	values, err := formBody(call.r)
	if err != nil {
		return nil, err
	}
	strategy := values.Get("strategy")
	if strategy != "" && strategy != "password" {
		return nil, refuseParam("form_param_value_invalid", "strategy", "is not a strategy of this instance")
	}
	if values.Get("identifier") == "" {
		return nil, refuseParam("form_param_missing", "identifier", "is required")
	}
	user := c.userByEmail(values.Get("identifier"))
	if user == nil {
		return nil, refuseParam("form_identifier_not_found", "identifier", "Couldn't find your account.")
	}
	if call.client == nil {
		call.client = c.state.newClient(newClientToken(true), call.now)
	}
	call.client.used = true
	call.client.signIn = &signIn{id: newID("sia"), user: user, createdAt: call.now}
	if strategy == "password" || values.Has("password") {
		return c.finishSignIn(call, values.Get("password"))
	}
	if c.production {
		setCookies(call.w, call.jar.client(call.client.token))
	}
	return object{"response": signInResource(call.client.signIn, nil), "client": c.clientResource(call)}, nil
}

func (c *Clerk) attemptFirstFactor(call *frontendCall) (any, error) {
	cl := call.client
	if cl == nil || cl.signIn == nil || cl.signIn.id != call.r.PathValue("id") ||
		call.now.After(cl.signIn.createdAt.Add(signInLifetime)) {
		return nil, notFound("sign-in attempt")
	}
	values, err := formBody(call.r)
	if err != nil {
		return nil, err
	}
	if values.Get("strategy") != "password" {
		return nil, refuseParam("form_param_value_invalid", "strategy", "is not a strategy of this attempt")
	}
	return c.finishSignIn(call, values.Get("password"))
}

// finishSignIn checks the password of the open attempt and begins the session.
func (c *Clerk) finishSignIn(call *frontendCall, password string) (any, error) {
	attempt := call.client.signIn
	if password == "" {
		return nil, refuseParam("form_param_missing", "password", "is required")
	}
	if !attempt.user.passwordIs(password) {
		return nil, refuseParam("form_password_incorrect", "password", "Password is incorrect. Try again, or use another method.")
	}
	s := c.beginSession(call.w, call.client, attempt.user, call.jar)
	return object{"response": signInResource(attempt, s), "client": c.clientResource(call)}, nil
}

// beginSession signs a user in on a browser and, in production, tells the browser: there the Frontend API's cookies are
// what a handshake goes by. The secret in __client changes with each sign-in; one planted before is worth nothing after.
// The caller holds c.mu.
func (c *Clerk) beginSession(w http.ResponseWriter, cl *client, user *User, jar jar) *session {
	s := c.state.signIn(cl, user, c.Now())
	if c.production {
		c.state.retoken(cl, newClientToken(true))
		setCookies(w, jar.client(cl.token))
		setCookies(w, jar.clientUAT(cl.updatedAt)...)
	}
	return s
}

// formBody reads the only content type that the browser client sends. No body at all is an empty form.
func formBody(r *http.Request) (url.Values, error) {
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "request_body_invalid", "the body could not be read")
	}
	if len(data) == 0 {
		return url.Values{}, nil
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return nil, refuse(http.StatusUnsupportedMediaType, "unsupported_content_type",
			"content type must be application/x-www-form-urlencoded")
	}
	values, err := url.ParseQuery(string(data))
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "request_body_invalid", "the body is not a form")
	}
	return values, nil
}
