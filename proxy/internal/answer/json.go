package answer

import (
	"encoding/json"
	"net/http"
)

// apiError is one error in the format of Clerk's APIs.
type apiError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// RefuseJSON responds with JSON in Clerk's error format, even to people.
func RefuseJSON(w http.ResponseWriter, status int, code, message string) {
	Refused(w, code)
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(struct {
		Errors []apiError `json:"errors"`
	}{[]apiError{{code, message}}})
}
