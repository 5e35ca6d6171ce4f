package clerktest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
)

// object is a JSON object in the making.
type object = map[string]any

// apiError is an answer in Clerk's error shape.
type apiError struct {
	status  int
	code    string
	message string
	param   string // meta.param_name, when a parameter is to blame

	retryAfter string // seconds, with 429; empty is 1
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

// created is an answer with the status 201.
type created struct{ resource object }

// writeAnswer answers what an operation came to.
func writeAnswer(w http.ResponseWriter, answer any) {
	if made, ok := answer.(created); ok {
		writeJSON(w, http.StatusCreated, made.resource)
		return
	}
	writeJSON(w, http.StatusOK, answer)
}

// writeJSON answers with exactly "application/json": Clerk's JavaScript client compares that header for equality and
// takes anything else, a charset included, for text.
func writeJSON(w http.ResponseWriter, status int, body any) {
	data, err := json.Marshal(body)
	if err != nil {
		panic(fmt.Sprintf("clerktest: encode answer: %v", err)) // our own values always encode
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(data) // a client that left is no fault of ours
}

// writeBareError is the error of the machine-token endpoints: neither meta nor trace id.
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

// traceHeader is on every answer, by which Clerk's support finds the request again.
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
