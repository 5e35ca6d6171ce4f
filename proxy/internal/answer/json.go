package answer

import (
	"encoding/json"
	"net/http"
)

// apiError is one error in the shape of Clerk's APIs.
type apiError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// RefuseJSON answers with Clerk's error shape, whoever asked.
func RefuseJSON(w http.ResponseWriter, status int, code, message string) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(struct {
		Errors []apiError `json:"errors"`
	}{[]apiError{{code, message}}})
}
