package demo

import (
	"net/http"
	"strings"
)

// noteCookie carries from a button to the page that follows it what is to be said
// there. A query would come back with every reload, and after a handshake.
const noteCookie = "demo_note"

// The notes.
const (
	noteNothingDone = "nothing-done"
	noteRevoked     = "revoked." // and the ID of the token for which it holds
)

func setNote(w http.ResponseWriter, note string) {
	http.SetCookie(w, &http.Cookie{Name: noteCookie, Value: note, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

// takeNote returns what is to be said to the holder of a token, and drops the note
// once that has been said, or is no longer true.
func takeNote(w http.ResponseWriter, r *http.Request, tokenID string) string {
	cookie, err := r.Cookie(noteCookie)
	if err != nil {
		return ""
	}
	if id, ok := strings.CutPrefix(cookie.Value, noteRevoked); ok && id == tokenID && id != "" {
		return "The refresh token is invalid now. Once this token has expired, a reload leads through a handshake and back."
	}
	http.SetCookie(w, &http.Cookie{Name: noteCookie, Path: "/", MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	if cookie.Value == noteNothingDone && isSignedIn(r) {
		return "The button did nothing: the token had expired, and only a page can go through a handshake. This page did. Press it again."
	}
	return ""
}
