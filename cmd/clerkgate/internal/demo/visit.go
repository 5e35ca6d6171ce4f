package demo

import (
	"strings"
)

// visit is the events that one click caused: all but the last redirected the browser.
type visit []event

// lastVisit returns the visit that the last event belongs to.
func lastVisit(events []event) visit {
	first := len(events)
	for first > 0 && (first == len(events) || events[first-1].GoesOn) {
		first--
	}
	return visit(events[first:])
}

func (v visit) has(belongs func(event) bool) bool {
	for _, e := range v {
		if belongs(e) {
			return true
		}
	}
	return false
}

// Clerk reports whether the visit involved Clerk.
func (v visit) Clerk() bool {
	return v.has(func(e event) bool {
		return e.Decision == forClerk || e.Decision == handshake || e.Refreshed || e.LookedUp ||
			strings.HasPrefix(e.Reason, "session-token-expired-refresh-")
	})
}

// App reports whether it reached the application.
func (v visit) App() bool {
	return v.has(func(e event) bool { return e.Decision == signedIn || e.Decision == signedOut })
}

// Gate reports whether there was a visit at all.
func (v visit) Gate() bool { return len(v) > 0 }

// Lit returns the names of the highlighted parts of the picture, for its style.
func (v visit) Lit() string {
	lit := []string{}
	for _, part := range []struct {
		name string
		on   bool
	}{{"gate", v.Gate()}, {"clerk", v.Clerk()}, {"app", v.App()}} {
		if part.on {
			lit = append(lit, part.name)
		}
	}
	return strings.Join(lit, " ")
}

// Way describes the picture in words.
func (v visit) Way() string {
	switch {
	case !v.Gate():
		return "Nothing was asked yet."
	case v.Clerk() && v.App():
		return "From the browser to clerkgate, from there to Clerk and back, and to the app."
	case v.Clerk():
		return "From the browser to clerkgate, and from there to Clerk."
	default:
		return "From the browser to clerkgate, and from there to the app."
	}
}

// What describes what happened.
func (v visit) What() string {
	if len(v) == 0 {
		return "Nothing was asked yet."
	}
	last := v[len(v)-1]
	sentTo := v.has(func(e event) bool { return e.Decision == handshake })
	signIn := v.has(func(e event) bool {
		return e.Decision == forClerk && e.Method == "POST" && strings.HasSuffix(e.Path, "/sign-in")
	})
	switch {
	case last.Decision == forClerk:
		return "That was for Clerk: clerkgate passed it on."
	case last.Decision == handshake:
		return "clerkgate cannot tell who this is, and sends the browser to Clerk and back (a handshake)."
	case last.Decision == signedIn && signIn:
		return "You signed in at Clerk. clerkgate did not have the token yet, and sent the browser there and back (a handshake)."
	case last.Decision == signedIn && sentTo && v.has(func(e event) bool { return strings.HasPrefix(e.Reason, "session-token-expired") }):
		return "The token had expired and could not be refreshed. clerkgate sent the browser to Clerk and back (a handshake): still signed in."
	case last.Decision == signedIn && sentTo:
		return "clerkgate had no token to go by, and sent the browser to Clerk and back (a handshake): signed in."
	case last.Decision == signedIn && v.has(func(e event) bool { return e.Refreshed }):
		return "The token had expired. clerkgate exchanged it at Clerk for a fresh one: no redirect, and the app noticed nothing."
	case last.Decision == signedIn && v.has(func(e event) bool { return e.Path == revokePath }):
		return "The app had Clerk forget the refresh token. The session token stays good until it expires."
	case last.Decision == signedIn && v.has(func(e event) bool { return e.LookedUp }):
		return "The token is good. clerkgate checked it, and asked Clerk whether its session still lives, as it does every ten seconds."
	case last.Decision == signedIn:
		return "The token is good. clerkgate checked it with Clerk's public key, which it has: nobody was asked."
	case last.Reason == "session-revoked":
		return "The token was still good, but its session is over: clerkgate asked Clerk."
	case sentTo:
		return v.foundNobody()
	default:
		return "No token came with it and no sign of a session, so there was nothing to ask Clerk."
	}
}

// foundNobody describes why a handshake ended signed out.
func (v visit) foundNobody() string {
	switch {
	case v.has(func(e event) bool { return e.Decision == forClerk && strings.HasSuffix(e.Path, "/sign-out") }):
		return "You signed out at Clerk. clerkgate sent the browser there and back (a handshake): nobody is signed in any more."
	case v.has(func(e event) bool { return strings.HasPrefix(e.Path, endPath) }):
		return "The session ended at Clerk, and its token was gone. clerkgate sent the browser there and back (a handshake): nobody is signed in any more."
	case v[0].Reason == "dev-browser-missing":
		return "clerkgate had never seen this browser, and sent it to Clerk and back (a handshake): nobody is signed in yet."
	default:
		return "clerkgate sent the browser to Clerk and back (a handshake): nobody is signed in there."
	}
}
