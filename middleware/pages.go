package middleware

import (
	"net/http"

	"github.com/clerkgate/clerkgate/internal/navigation"
	"github.com/clerkgate/clerkgate/internal/page"
)

// signOutPage has a button that posts to its own address.
func signOutPage() *page.Page {
	return &page.Page{
		Title: "Sign out", Paragraphs: []string{"This ends your session in this browser."},
		Actions: []page.Action{{Label: "Sign out", Post: true}},
	}
}

// signedOutHerePage is for a session that could not be ended at Clerk. next is the page to
// continue to.
func signedOutHerePage(next string) *page.Page {
	return &page.Page{
		Title: "Signed out in this browser",
		Paragraphs: []string{
			"The sign-in service could not be reached, so your session may still be open elsewhere, for example on another device.",
			"It will be closed as soon as possible.",
		},
		Actions: []page.Action{{Label: "Continue", URL: next}},
	}
}

// developerPage shows a state's DeveloperError.
func developerPage(s *State) *page.Page {
	return &page.Page{
		Title: "Clerk could not sign you in", Paragraphs: []string{s.DeveloperError, "This page appears with development keys only."},
		Note: string(s.Reason),
	}
}

// unavailablePage is for people whose session cannot be verified for now.
func unavailablePage(advice string) *page.Page {
	return &page.Page{
		Title: "Just a moment",
		Paragraphs: []string{
			"The sign-in service cannot be reached at the moment, so this page cannot be opened. You are not signed out.", advice,
		},
		Actions: []page.Action{{Label: "Try again"}},
	}
}

// refuseSignOut answers a request to sign out that is refused.
func (a *Authenticator) refuseSignOut(w http.ResponseWriter, r *http.Request, e *Error) {
	switch {
	case a.opts.ErrorHandler != nil:
		a.turnAway(w, r, &State{Status: SignedOut, TokenType: SessionToken, Auth: signedOutAuth}, e)
	case navigation.IsDocument(r.Header):
		(&page.Page{Title: e.title, Paragraphs: []string{e.Message}}).Write(w, r, e.Status)
	default:
		e.WriteJSON(w)
	}
}
