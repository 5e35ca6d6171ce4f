package proxy

import (
	"cmp"
	"context"
	"net/http"
)

// statusClientLeft is the status in the log of a request whose client left before there was a
// response. The number is nginx's; nobody gets it.
const statusClientLeft = 499

// What a client did that left before the end.
const (
	leftBeforeResponse = "before-response"
	leftDuringResponse = "during-response"
)

// What became of a request.
const (
	doneForwarded  = "forwarded"   // the application's response, whatever its status
	doneGranted    = "granted"     // the gateway that asks may let it pass
	doneAnswered   = "answered"    // clerkgate's own page or document
	doneRedirected = "redirected"  // to Clerk, to the sign-in page, or after it
	doneRefused    = "refused"     // 4xx of clerkgate
	doneFailed     = "failed"      // 5xx of clerkgate, or a response that broke off
	doneNothing    = "client-left" // the client left before there was a response
)

// status returns the status of the response to a request that has ended, and what the client
// did if it left before that.
func (ps *passage) status(r *http.Request) (status int, left string) {
	status = ps.client.status
	if status == 0 {
		status = ps.outcome.Status // an upgrade: its response bypassed the ResponseWriter
	}
	gone := ps.client.failed || context.Cause(r.Context()) != nil
	switch own := ps.outcome.Status == 0; {
	case !gone || status == http.StatusSwitchingProtocols:
	case own && (status == 0 || status >= http.StatusInternalServerError):
		// What was written, if anything, says that a call was cut off, to nobody.
		return statusClientLeft, leftBeforeResponse
	case ps.client.failed || ps.outcome.Err != nil:
		return status, leftDuringResponse
	}
	return cmp.Or(status, http.StatusOK), ""
}

// whatWasDone returns what became of a request that has ended with status.
func (ps *passage) whatWasDone(status int) string {
	switch {
	case ps.gateway != nil && ps.gateway.Granted():
		return doneGranted
	case ps.outcome.Status != 0 && ps.outcome.Err == nil:
		return doneForwarded
	case status == statusClientLeft:
		return doneNothing
	case ps.outcome.Status != 0 || status >= http.StatusInternalServerError:
		return doneFailed
	case status >= http.StatusBadRequest:
		return doneRefused
	case status >= http.StatusMultipleChoices:
		return doneRedirected
	}
	return doneAnswered
}

// refusal returns the code of clerkgate's own refusal, or "".
func (ps *passage) refusal() string {
	if ps.gateway != nil && ps.gateway.Code() != "" {
		return ps.gateway.Code()
	}
	return ps.client.code
}
