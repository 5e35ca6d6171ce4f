package demo

import (
	"net/http"
	"strings"
)

// noteCookie passes a message from a button to the next page. A query parameter would
// reappear with every reload, and after a handshake.
const noteCookie = "demo_note"

// The notes.
const (
	noteNothingDone = "nothing-done"
	noteRevoked     = "revoked." // followed by the ID of the token that it applies to
)

func setNote(w http.ResponseWriter, note string) {
	http.SetCookie(w, &http.Cookie{Name: noteCookie, Value: note, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

// takeNote returns the message for the holder of a token, and deletes the note once it
// has been shown or no longer applies.
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
