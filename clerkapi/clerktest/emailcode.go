package clerktest

import (
	"log/slog"
	"net/http"
	"time"
)

const (
	// EmailCode is the code for every sign-in by email, as for Clerk's own test addresses. No mail is sent.
	EmailCode = "424242"

	codeLifetime = 10 * time.Minute
)

// prepareFirstFactor "sends" a code: it writes it to the log.
func (c *Clerk) prepareFirstFactor(call *frontendCall) (any, error) {
	attempt, err := call.openSignIn()
	if err != nil {
		return nil, err
	}
	values, err := formBody(call.r)
	if err != nil {
		return nil, err
	}
	if values.Get("strategy") != "email_code" {
		return nil, refuseParam("form_param_value_invalid", "strategy", "is not a strategy that is prepared")
	}
	if id := values.Get("email_address_id"); id != "" && id != attempt.user.emailID() {
		return nil, refuseParam("form_resource_not_found", "email_address_id", "is not an address of this user")
	}
	attempt.codeExpires = call.now.Add(codeLifetime)
	c.log.InfoContext(call.r.Context(), "email code", slog.String("to", attempt.user.Email), slog.String("code", EmailCode))
	return object{"response": signInResource(attempt, nil, ""), "client": c.clientResource(call)}, nil
}

// checkCode checks the code and that it has not expired.
func (si *signIn) checkCode(code string, now time.Time) error {
	switch {
	case si.codeExpires.IsZero():
		return refuse(http.StatusBadRequest, "verification_missing", "no code was sent")
	case code == "":
		return refuseParam("form_param_missing", "code", "is required")
	case !now.Before(si.codeExpires):
		return refuse(http.StatusBadRequest, "verification_expired", "this code is expired, ask for a new one")
	case !equalSecret(code, EmailCode):
		return refuseParam("form_code_incorrect", "code", "Incorrect code")
	}
	return nil
}
