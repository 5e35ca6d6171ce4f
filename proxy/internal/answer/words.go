package answer

import (
	"cmp"
	"net/http"
)

// words are the texts of a page for one error code.
type words struct {
	title   string
	message string // "" keeps the message that programs get
	advice  string
	// form, formTitle and formMessage replace advice, title and message if the browser sent
	// something; "" changes nothing.
	form, formTitle, formMessage string
	// retry is for errors where opening the address again may help.
	retry bool
}

// Sentences that occur several times.
const (
	tryAgain  = "Try again in a moment."
	mayBeSent = "It is not known whether what you sent has arrived. Check that before you send it again."
	operator  = "Only the people who run this site can fix this. Please tell them."
	anyAddr   = "Check the address, or go back and follow another link."
)

// allWords returns the words for each code. For other codes, see [byStatus].
func allWords() map[string]words {
	return map[string]words{
		"authentication_invalid": {
			title: "Sign in to continue", message: "This page is for people who are signed in, and you are not.",
			advice:    "After signing in you come back here.",
			formTitle: "You are not signed in", formMessage: "Your session has ended, or there was none. What you sent was not accepted.",
			form: "Sign in in a new tab. Then reload this page, and let your browser send it once more. Or go back, where you should find what you typed, and send it from there.",
		},
		"redirect_loop": {
			title: "Signing in did not work", message: "Your browser was sent to the sign-in service several times, and came back signed out each time.",
			advice: "Allow cookies for this site and check that the clock of your device is right. Then try again.", retry: true,
		},
		"authorization_invalid": {
			title: "You don't have access", message: "You are signed in, but your account may not open this page.",
			advice:      "Ask the people who run this site for access, or sign out and sign in with another account.",
			formMessage: "You are signed in, but your account may not do this. What you sent was not accepted.",
		},
		"reverification_needed": {
			title: "Confirm that it's you", message: "This page asks for a recent sign-in, and yours was longer ago.",
			advice:      "Sign out, sign in again, and come back to this page.",
			formMessage: "This asks for a recent sign-in, and yours was longer ago. What you sent was not accepted.",
			form:        "Sign out and sign in again in a new tab. Then reload this page, and let your browser send it once more.",
		},
		"verification_unavailable": {
			title: "Too many people are signing in", message: "Your session could not be checked for now.", advice: tryAgain,
			form: "Wait a moment. Then reload this page, and let your browser send it once more.", retry: true,
		},
		"clerk_unavailable": {
			title: "Just a moment", message: "The sign-in service cannot be reached at the moment, so this page cannot be opened. You are not signed out.",
			advice:      tryAgain,
			formMessage: "The sign-in service cannot be reached at the moment, so what you sent was not accepted. You are not signed out.",
			form:        "Wait a moment. Then reload this page, and let your browser send it once more.", retry: true,
		},
		"cross_site_request": {
			title: "This came from another site", message: "A page of another site made this request with your session. It was not let through.",
			advice: "If you meant to do this, open this site yourself and do it there.",
		},
		"ambiguous_path": {
			title: "This address can't be opened", message: "Its path can be read in more than one way, so it is not clear which page is meant.", advice: anyAddr,
		},
		"invalid_host": {title: "This address can't be opened", message: "The name of the site in it is not valid.", advice: anyAddr},
		"upstream_unavailable": {
			title: "The application is not available", message: "It could not be reached.", advice: tryAgain, form: mayBeSent, retry: true,
		},
		"upstream_starting": {
			title: "Just a moment", message: "The application is still starting, so this page cannot be opened yet.", advice: tryAgain,
			formMessage: "The application is still starting, so what you sent was not accepted.",
			form:        "Wait a moment. Then reload this page, and let your browser send it once more.", retry: true,
		},
		"upstream_answer_malformed": {
			title: "The application is not available", message: "Its answer is not valid, so it was not passed on.", advice: operator, form: mayBeSent, retry: true,
		},
		"upstream_timeout": {
			title: "The application takes too long", message: "It did not answer in time.", advice: tryAgain, form: mayBeSent, retry: true,
		},
		"upstream_loop":         {title: "This page can't be reached", message: "The request went round in a circle: this server passes it on to itself.", advice: operator},
		"token_exchange_failed": {title: "The application is not available", message: "It needs a token that the sign-in service did not issue.", advice: tryAgain, retry: true},
		"proxy_request_failed":  {title: "Signing in is not possible now", message: "The sign-in service cannot be reached at the moment.", advice: tryAgain, retry: true},
		"header_too_large": {
			title: "This request is too large", message: "It has too many cookies or headers.", advice: "Delete the cookies of this site, then open the page again.",
		},
		"request_too_large": {title: "This is too large", message: "What you sent is larger than this server accepts.", advice: "Send something smaller."},
		"uri_too_long":      {title: "This address is too long", message: "The server does not accept addresses of this length.", advice: anyAddr},
		"request_timeout":   {title: "Sending took too long", message: "What you sent did not arrive in time.", advice: "Check your connection, then send it again."},
		"developer_error": {
			title: "Clerk could not sign you in", advice: "You see this page because the keys are of a development instance.",
		},
	}
}

// complete fills the fields of page that are empty.
func (s words) complete(page *Page) {
	if s.title == "" {
		s.title, s.advice = byStatus(page.Status)
	}
	if page.Form {
		s.title, s.message, s.advice = cmp.Or(s.formTitle, s.title), cmp.Or(s.formMessage, s.message), cmp.Or(s.form, s.advice)
	}
	page.Title, page.Message, page.Advice = s.title, cmp.Or(s.message, page.Message), s.advice
	page.Retry = s.retry && !page.Form
}

// byStatus returns the words for codes that have none of their own.
func byStatus(status int) (title, advice string) {
	switch {
	case status == http.StatusNotFound:
		return "Page not found", "Check the address, or go back and follow another link."
	case status >= http.StatusInternalServerError:
		return "Something went wrong", tryAgain
	case status == http.StatusForbidden:
		return "This is not allowed", ""
	}
	return "This request can't be answered", ""
}
