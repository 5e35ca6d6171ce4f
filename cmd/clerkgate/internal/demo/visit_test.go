package demo

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestVisits(t *testing.T) {
	t.Parallel()
	var (
		home      = event{Method: "GET", Path: "/", Decision: signedIn}
		nobody    = event{Method: "GET", Path: "/", Decision: signedOut, Reason: "session-token-and-uat-missing"}
		sent      = event{Method: "GET", Path: "/", Decision: handshake, Reason: "client-uat-but-no-session-token", GoesOn: true}
		expired   = event{Method: "GET", Path: "/", Decision: handshake, Reason: "session-token-expired-refresh-refresh_token_not_found", GoesOn: true}
		firstSent = event{Method: "GET", Path: "/", Decision: handshake, Reason: "dev-browser-missing", GoesOn: true}
		atClerk   = event{Method: "GET", Path: "/__clerk/v1/client/handshake", Decision: forClerk, GoesOn: true}
		form      = event{Method: "GET", Path: "/__clerk/sign-in", Decision: forClerk}
		signsIn   = event{Method: "POST", Path: "/__clerk/sign-in", Decision: forClerk, GoesOn: true}
		signsOut  = event{Method: "POST", Path: "/__clerk/sign-out", Decision: forClerk, GoesOn: true}
		revokes   = event{Method: "POST", Path: revokePath, Decision: signedIn, GoesOn: true}
		ends      = event{Method: "POST", Path: "/session/end", Decision: signedIn, GoesOn: true}
	)
	refreshed, lookedUp, revoked := home, home, nobody
	refreshed.Refreshed, lookedUp.LookedUp, revoked.LookedUp, revoked.Reason = true, true, true, "session-revoked"
	for _, c := range []struct {
		name   string
		events []event
		length int
		lit    string
		what   string
	}{
		{"nothing", nil, 0, "", "Nothing was asked yet."},
		{"signed in", []event{home, home}, 1, "gate app", "nobody was asked"},
		{"signed out", []event{home, nobody}, 1, "gate app", "nothing to ask Clerk"},
		{"refreshed", []event{refreshed}, 1, "gate clerk app", "exchanged it at Clerk"},
		{"looked up", []event{lookedUp}, 1, "gate clerk app", "whether its session still lives"},
		{"revoked", []event{home, revoked}, 1, "gate clerk app", "its session is over"},
		{"handshake", []event{home, expired, atClerk, home}, 3, "gate clerk app", "could not be refreshed"},
		{"handshake without a token", []event{sent, atClerk, home}, 3, "gate clerk app", "no token to go by"},
		{"handshake, on its way", []event{home, sent}, 1, "gate clerk", "cannot tell who this is"},
		{"first visit", []event{firstSent, atClerk, nobody}, 3, "gate clerk app", "never seen"},
		{"sign-in page", []event{nobody, form}, 1, "gate clerk", "for Clerk"},
		{"sign-in", []event{form, signsIn, sent, atClerk, home}, 4, "gate clerk app", "You signed in at Clerk."},
		{"sign-out", []event{home, signsOut, sent, atClerk, nobody}, 4, "gate clerk app", "You signed out at Clerk."},
		{"refresh token revoked", []event{revokes, home}, 2, "gate app", "forget the refresh token"},
		{"session ended", []event{home, ends, sent, atClerk, nobody}, 4, "gate clerk app", "The session ended at Clerk,"},
		{"handshake finds nobody", []event{home, sent, atClerk, nobody}, 3, "gate clerk app", "nobody is signed in there"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			v := lastVisit(c.events)
			assert.Len(t, v, c.length)
			assert.Equal(t, c.lit, v.Lit())
			assert.Contains(t, v.What(), c.what)
		})
	}
}
