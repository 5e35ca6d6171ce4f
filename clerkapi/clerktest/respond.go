package clerktest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
)

// object is a JSON object.
type object = map[string]any

// apiError is a response in Clerk's error format.
type apiError struct {
	status  int
	code    string
	message string
	param   string // meta.param_name; "" if the error is not about a parameter

	retryAfter string // seconds, with 429; "" means 1
}

func (e *apiError) Error() string { return fmt.Sprintf("%d %s: %s", e.status, e.code, e.message) }

func refuse(status int, code, message string) *apiError {
	return &apiError{status: status, code: code, message: message}
}

func refuseParam(code, param, message string) *apiError {
	return &apiError{status: http.StatusUnprocessableEntity, code: code, message: message, param: param}
}

func notFound(what string) *apiError {
	return refuse(http.StatusNotFound, "resource_not_found", what+" not found")
}

// created is a response with the status 201.
type created struct{ resource object }

// writeAnswer writes the result of an operation.
func writeAnswer(w http.ResponseWriter, answer any) {
	if made, ok := answer.(created); ok {
		writeJSON(w, http.StatusCreated, made.resource)
		return
	}
	writeJSON(w, http.StatusOK, answer)
}

// writeJSON writes a response whose Content-Type is exactly "application/json": Clerk's JavaScript client treats
// anything else as text, even with a charset.
func writeJSON(w http.ResponseWriter, status int, body any) {
	data, err := json.Marshal(body)
	if err != nil {
		panic(fmt.Sprintf("clerktest: encode response: %v", err)) // our own values always encode
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(data) // fails only if the client has disconnected
}

// writeBareError writes an error of the endpoints for machine tokens, without meta and trace id.
func writeBareError(w http.ResponseWriter, err error) {
	e := asAPIError(err)
	e.setRetryAfter(w)
	writeJSON(w, e.status, object{"errors": []object{{"code": e.code, "message": e.message, "long_message": e.message}}})
}

func (e *apiError) setRetryAfter(w http.ResponseWriter) {
	if e.status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", cmp.Or(e.retryAfter, "1"))
	}
}

// traceHeader is in every response, so that Clerk's support can find the request.
const traceHeader = "Clerk-Trace-Id"

func asAPIError(err error) *apiError {
	var e *apiError
	if !errors.As(err, &e) {
		e = refuse(http.StatusInternalServerError, "internal_clerk_error", "something went wrong")
	}
	return e
}

func writeError(w http.ResponseWriter, err error) {
	e := asAPIError(err)
	meta := object{}
	if e.param != "" {
		meta["param_name"] = e.param
	}
	e.setRetryAfter(w)
	writeJSON(w, e.status, object{
		"errors":         []object{{"code": e.code, "message": e.message, "long_message": e.message, "meta": meta}},
		"meta":           object{},
		"clerk_trace_id": w.Header().Get(traceHeader),
	})
}
