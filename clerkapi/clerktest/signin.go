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

// signIn is an attempt to sign in whose user is known, and which waits for the password or the code.
type signIn struct {
	id          string
	user        *user
	createdAt   time.Time
	codeExpires time.Time // of the code sent by email; zero if none was sent
}

// createSignIn accepts an identifier with or without a password, or a ticket.
func (c *Clerk) createSignIn(call *frontendCall) (any, error) {
	values, err := formBody(call.r)
	if err != nil {
		return nil, err
	}
	strategy := values.Get("strategy")
	if strategy == "ticket" {
		return c.signInByTicket(call, values.Get("ticket"))
	}
	if strategy != "" && strategy != "password" {
		return nil, refuseParam("form_param_value_invalid", "strategy", "is not a strategy of this instance")
	}
	if values.Get("identifier") == "" {
		return nil, refuseParam("form_param_missing", "identifier", "is required")
	}
	u := c.users.byEmail[normalEmail(values.Get("identifier"))]
	if u == nil {
		return nil, refuseParam("form_identifier_not_found", "identifier", "Couldn't find your account.")
	}
	c.beginSignIn(call, u)
	if strategy == "password" || values.Has("password") {
		return c.finishSignIn(call, values.Get("password"))
	}
	if c.production {
		setCookies(call.w, call.jar.client(call.client.token))
	}
	return object{"response": signInResource(call.client.signIn, nil, ""), "client": c.clientResource(call)}, nil
}

// beginSignIn starts an attempt. In production it also creates the client of a new browser.
func (c *Clerk) beginSignIn(call *frontendCall, u *user) {
	if call.client == nil {
		call.client = c.state.newClient(newClientToken(true), call.now)
	}
	call.client.used = true
	call.client.signIn = &signIn{id: newID("sia"), user: u, createdAt: call.now}
}

func (c *Clerk) attemptFirstFactor(call *frontendCall) (any, error) {
	attempt, err := call.openSignIn()
	if err != nil {
		return nil, err
	}
	values, err := formBody(call.r)
	if err != nil {
		return nil, err
	}
	switch values.Get("strategy") {
	case "password":
		return c.finishSignIn(call, values.Get("password"))
	case "email_code":
		if err := attempt.checkCode(values.Get("code"), call.now); err != nil {
			return nil, err
		}
		return c.completeSignIn(call, "email_code", attempt.user.initial()), nil
	}
	return nil, refuseParam("form_param_value_invalid", "strategy", "is not a strategy of this attempt")
}

// openSignIn returns the attempt in the path, which must belong to this browser.
func (call *frontendCall) openSignIn() (*signIn, error) {
	cl := call.client
	if cl == nil || cl.signIn == nil || cl.signIn.id != call.r.PathValue("id") ||
		call.now.After(cl.signIn.createdAt.Add(signInLifetime)) {
		return nil, notFound("sign-in attempt")
	}
	return cl.signIn, nil
}

// finishSignIn checks the password and completes the attempt.
func (c *Clerk) finishSignIn(call *frontendCall, password string) (any, error) {
	attempt := call.client.signIn
	if password == "" {
		return nil, refuseParam("form_param_missing", "password", "is required")
	}
	if !attempt.user.passwordIs(password) {
		return nil, refuseParam("form_password_incorrect", "password", "Password is incorrect. Try again, or use another method.")
	}
	return c.completeSignIn(call, "password", attempt.user.initial()), nil
}

// signInByTicket signs in with a sign-in token, which determines the user and the organization.
func (c *Clerk) signInByTicket(call *frontendCall, secret string) (any, error) {
	t, err := c.useTicket(secret, call.now)
	if err != nil {
		return nil, err
	}
	c.beginSignIn(call, t.user)
	return c.completeSignIn(call, "ticket", t.member), nil
}

// completeSignIn completes the attempt by starting a session.
func (c *Clerk) completeSignIn(call *frontendCall, strategy string, member *membership) object {
	attempt := call.client.signIn
	s := c.beginSession(call.w, call.client, attempt.user, member, call.jar)
	call.client.strategy = strategy
	return object{"response": signInResource(attempt, s, strategy), "client": c.clientResource(call)}
}

// beginSession starts a user's session in a browser and, in production, sets the Frontend API's cookies, on which
// handshakes rely. The secret in __client changes with each sign-in, so that one planted before becomes useless. The
// caller holds c.mu.
func (c *Clerk) beginSession(w http.ResponseWriter, cl *client, u *user, member *membership, jar jar) *session {
	s := c.state.signIn(cl, u, member, c.Now())
	if c.production {
		c.state.retoken(cl, newClientToken(true))
		setCookies(w, jar.client(cl.token))
		setCookies(w, jar.clientUAT(c.told(cl.updatedAt))...)
	}
	return s
}

// formBody reads a form, the only content type that Clerk's browser client sends. No body is an empty form.
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
