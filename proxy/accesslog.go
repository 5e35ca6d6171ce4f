package proxy

import (
	"cmp"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"

	"github.com/clerkgate/clerkgate/internal/identity"
	"github.com/clerkgate/clerkgate/proxy/internal/accesslog"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

// newAccessLog returns the log that cfg asks for, or nil for none.
func newAccessLog(cfg settings.Config, w io.Writer) *accesslog.Log {
	format := accesslog.Format(cmp.Or(cfg.AccessLog, cfg.LogFormat, string(accesslog.Text)))
	if w == nil || format == accesslog.Off {
		return nil
	}
	return accesslog.New(accesslog.Options{
		Writer: w, Format: format, Fields: cfg.AccessLogFields, Sample: cfg.AccessLogSample,
		Random: rand.Uint64, // which successes are logged is no secret
	})
}

// logged writes the line of a request when it has ended, in whatever way.
func (p *Proxy) logged(next station) station {
	return func(w http.ResponseWriter, r *http.Request, ps *passage) {
		if p.access == nil && p.audit == nil {
			next(w, r, ps)
			return
		}
		ps.start = p.now()
		ps.client.ResponseWriter = w
		defer p.ended(r, ps)
		next(&ps.client, r, ps)
		ps.returned = true
	}
}

// ended logs a request that has ended, in whatever way.
func (p *Proxy) ended(r *http.Request, ps *passage) {
	if p.access != nil {
		p.writeLine(r, ps)
	}
	if p.audit != nil {
		p.record(r, ps)
	}
}

// writeLine writes the line of a request that has ended. It never contains a query, a cookie
// or a token, because these hold credentials.
func (p *Proxy) writeLine(r *http.Request, ps *passage) {
	e := p.access.Entry()
	e.Time, e.Duration = ps.start, p.now().Sub(ps.start)
	e.Client, _ = p.origins.ClientIP(r)
	e.Host, e.Method, e.Path, e.Protocol = hostOf(r, ps), ps.method, ps.path, r.Proto
	e.Status, e.ClientLeft = ps.status(r)
	e.BytesIn, e.BytesOut = bodyRead(r), ps.client.written
	if e.Status == http.StatusSwitchingProtocols {
		e.BytesOut = -1 // the connection bypassed the ResponseWriter
	}
	e.Outcome = ps.whatWasDone(e.Status)
	e.Reason = ps.refusal()
	if state := ps.state; state != nil {
		decision, reason := identity.Verdict(state)
		e.Decision = string(decision)
		if reason != "" && (e.Reason == "" || e.Outcome != doneFailed) { // a failure has a reason of its own
			e.Reason = reason
		}
		e.UserID, e.SessionID, e.OrganizationID = state.Auth.UserID, state.Auth.SessionID, state.Auth.OrgID
		e.Refreshed = state.Refreshed
	}
	if ps.rule != nil {
		e.Route = ps.rule.name
	}
	e.Upstream, e.UpstreamStatus, e.UpstreamTime = ps.outcome.Address, ps.outcome.Status, ps.outcome.Took
	if e.Upstream == "" {
		e.UpstreamTime = -1
	}
	switch {
	case ps.outcome.Err != nil:
		e.Error = ps.outcome.Err.Error()
	case !ps.returned:
		e.Error = "the handler panicked"
	}
	e.RequestID, e.TraceID = ps.requestID, traceID(r.Header)
	e.UserAgent, e.Referer = one(r.Header["User-Agent"]), one(r.Header["Referer"])
	p.access.Write(e)
}

// hostOf returns the host of the public URL or, before it is known, that of the request.
func hostOf(r *http.Request, ps *passage) string {
	if ps.public == nil || len(r.Header["X-Forwarded-Host"]) == 0 {
		return r.Host
	}
	_, host, _ := ps.public.SchemeAndHost()
	return host
}

func one(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// bodyRead returns how much of a request's body has been read; -1 if that is unknown.
func bodyRead(r *http.Request) int64 {
	if r.Body == nil || r.Body == http.NoBody {
		return 0
	}
	if body, ok := r.Body.(interface{ Received() int64 }); ok {
		return body.Received()
	}
	return r.ContentLength
}

// traceID returns the trace id of a traceparent header (W3C Trace Context, section 3.2), or
// "" if there is none that is valid.
func traceID(h http.Header) string {
	const length, from, to = 55, 3, 35
	values := h["Traceparent"]
	if len(values) != 1 || len(values[0]) < length || values[0][from-1] != '-' || values[0][to] != '-' {
		return ""
	}
	id := values[0][from:to]
	if strings.Trim(id, "0123456789abcdef") != "" || strings.Trim(id, "0") == "" {
		return ""
	}
	return id
}

// clientWriter is the ResponseWriter of a request that is logged.
type clientWriter struct {
	http.ResponseWriter
	status  int    // 0 until there is one
	written int64  // bytes of the body
	failed  bool   // the client took no more
	code    string // of clerkgate's own refusal
}

// Unwrap lets [http.ResponseController] reach Flush and Hijack.
func (cw *clientWriter) Unwrap() http.ResponseWriter { return cw.ResponseWriter }

// Refused is called by package answer.
func (cw *clientWriter) Refused(code string) { cw.code = code }

// WriteHeader records a final status.
func (cw *clientWriter) WriteHeader(status int) {
	if status >= 200 || status == http.StatusSwitchingProtocols {
		cw.status = status
	}
	cw.ResponseWriter.WriteHeader(status)
}

// Write records the status that net/http implies.
func (cw *clientWriter) Write(b []byte) (int, error) {
	if cw.status == 0 {
		cw.status = http.StatusOK
	}
	n, err := cw.ResponseWriter.Write(b)
	cw.written += int64(n)
	cw.failed = cw.failed || err != nil
	return n, err
}
