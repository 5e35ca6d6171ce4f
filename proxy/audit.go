package proxy

import (
	"cmp"
	"context"
	"io"
	"net/http"
	"time"

	"github.com/clerkgate/clerkgate/internal/auditlog"
	"github.com/clerkgate/clerkgate/middleware"
	"github.com/clerkgate/clerkgate/proxy/internal/accesslog"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

// auditFlush bounds the wait for the audit log at the end.
const auditFlush = 2 * time.Second

// openAudit opens the audit log that cfg asks for, or returns nil. w gets the lines unless
// they go to a file.
func (p *Proxy) openAudit(cfg settings.Config, w io.Writer) (*auditlog.Log, error) {
	o := auditlog.Options{Now: p.now, Logger: p.logger, Writer: w}
	switch cfg.AuditLog {
	case "", settings.AuditOff:
		return nil, nil
	case settings.AuditStderr, settings.AuditStdout:
		if w == nil {
			return nil, nil
		}
	default:
		o.File, o.Writer = cfg.AuditLog, nil
	}
	log, err := auditlog.Open(o)
	if err != nil {
		return nil, settings.NewError(settings.EnvAuditLog, err)
	}
	return log, nil
}

// closeAudit writes what waits, for up to auditFlush.
func (p *Proxy) closeAudit() {
	ctx, cancel := context.WithTimeout(context.Background(), auditFlush)
	defer cancel()
	if p.audit.Close(ctx) != nil {
		p.logger.Error("audit log: events were not written before the end")
	}
}

// maxAudited bounds texts that a client chose, in bytes.
const maxAudited = 512

// record adds what happened to a request that has ended to the audit log, if it belongs there.
func (p *Proxy) record(r *http.Request, ps *passage) {
	status, _ := ps.status(r)
	kind, source := p.whatHappened(ps, status)
	if kind == "" {
		return
	}
	e := auditlog.Event{
		Kind: kind, Source: source, Status: status, Reason: ps.refusal(), RequestID: ps.requestID,
		Method: accesslog.Bounded(ps.method, maxAudited), Host: accesslog.Bounded(hostOf(r, ps), maxAudited), Path: accesslog.Bounded(ps.path, maxAudited),
	}
	if client, ok := p.origins.ClientIP(r); ok {
		e.Client = client.String()
	}
	if ps.rule != nil {
		e.Route = ps.rule.name
	}
	if state := ps.state; state != nil {
		e.UserID, e.SessionID, e.OrganizationID = state.Auth.UserID, state.Auth.SessionID, state.Auth.OrgID
		e.Reason = cmp.Or(string(state.Reason), e.Reason)
	}
	p.audit.Record(e)
}

// whatHappened returns the kind of event that a request was, or "" for none.
func (p *Proxy) whatHappened(ps *passage, status int) (kind auditlog.Kind, source string) {
	own := ps.outcome.Status == 0
	switch {
	case ps.path == p.signOutPath && p.signOutPath != "" && ps.method == http.MethodPost && status < http.StatusBadRequest && own:
		return auditlog.SignedOut, "sign-out page"
	case ps.site.webhooks != nil && ps.path == p.webhookPath && own && status == http.StatusNoContent:
		return auditlog.Revoked, "webhook"
	case own && status == http.StatusForbidden:
		return auditlog.Refused, "policy"
	case own && ps.state != nil && ps.state.Reason == middleware.ReasonSessionRevoked:
		return auditlog.Refused, "revocation"
	case ps.state != nil && ps.state.Stale() > 0 && ps.state.Status == middleware.SignedIn && (!own || ps.gateway != nil && ps.gateway.Granted()):
		return auditlog.StaleGrant, "outage"
	}
	return "", ""
}

// acted records that an operator used a page that changes something.
func (p *Proxy) acted(r *http.Request) {
	p.audit.Record(auditlog.Event{Kind: auditlog.Admin, Method: r.Method, Path: accesslog.Bounded(r.URL.Path, maxAudited), Client: accesslog.Bounded(r.RemoteAddr, maxAudited)})
}
