package proxy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"time"

	"github.com/clerkgate/clerkgate/middleware"
	"github.com/clerkgate/clerkgate/proxy/internal/admin"
	"github.com/clerkgate/clerkgate/proxy/internal/answer"
)

// revokeTimeout bounds a revocation: a user may have many sessions, and each is ended by a
// call to Clerk.
const revokeTimeout = time.Minute

// revocation is the body of a request to /-/revoke. Exactly one member is set.
type revocation struct {
	SessionID string `json:"session_id,omitempty"`
	UserID    string `json:"user_id,omitempty"`
	Everyone  bool   `json:"everyone,omitempty"`
}

// revoked is the answer: how far the revocation has come.
type revoked struct {
	Revoked revocation `json:"revoked"`
	// Here is "in force", always.
	Here string `json:"here"`
	// Replicas is "told", "failed", or "no store" if this replica knows no others.
	Replicas string `json:"replicas"`
	// Clerk is "told", "failed", or "not needed" for everyone.
	Clerk    string   `json:"clerk"`
	Problems []string `json:"problems,omitempty"`
}

// revoke answers /-/revoke: 200 if the revocation is in force everywhere, 502 if it is here,
// but others could not be told.
func (p *Proxy) revoke(w http.ResponseWriter, r *http.Request) {
	// A page's form cannot have this type, even in a browser that is too old to tell.
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/json" {
		answer.RefuseJSON(w, http.StatusUnsupportedMediaType, "unsupported_media_type", "Content-Type has to be application/json.")
		return
	}
	asked, ok := readRevocation(r.Body)
	if !ok {
		refuseRevocation(w)
		return
	}
	// An operator who disconnects does not stop it half-way.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), revokeTimeout)
	defer cancel()
	err := p.site.Load().instance.Auth.Revoke(ctx, middleware.Revocation(asked))
	if errors.Is(err, middleware.ErrRevocation) {
		refuseRevocation(w)
		return
	}
	result := p.resultOf(asked, err)
	p.logger.LogAttrs(ctx, slog.LevelWarn, "revoked by an operator", slog.String("session_id", asked.SessionID), slog.String("user_id", asked.UserID),
		slog.Bool("everyone", asked.Everyone), slog.String("replicas", result.Replicas), slog.String("clerk", result.Clerk))
	status := http.StatusOK
	if err != nil {
		status = http.StatusBadGateway
	}
	admin.WriteJSON(w, status, result)
}

// readRevocation reads the body, which has one object and no unknown members: a misspelled
// one would otherwise leave a session open.
func readRevocation(body io.Reader) (asked revocation, ok bool) {
	data, err := io.ReadAll(body)
	if err != nil {
		return asked, false
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	err = decoder.Decode(&asked)
	return asked, err == nil && !decoder.More()
}

func refuseRevocation(w http.ResponseWriter) {
	answer.RefuseJSON(w, http.StatusBadRequest, "not_a_revocation",
		`The body has to be one of {"session_id": "sess_…"}, {"user_id": "user_…"} and {"everyone": true}.`)
}

func (p *Proxy) resultOf(asked revocation, err error) revoked {
	result := revoked{Revoked: asked, Here: "in force", Replicas: "told", Clerk: "told"}
	if p.store == nil {
		result.Replicas = "no store"
	}
	if asked.Everyone {
		result.Clerk = "not needed"
	}
	var failed *middleware.RevocationError
	if !errors.As(err, &failed) {
		return result
	}
	if failed.Replicas != nil {
		result.Replicas, result.Problems = "failed", append(result.Problems, failed.Replicas.Error())
	}
	if failed.Clerk != nil {
		result.Clerk, result.Problems = "failed", append(result.Problems, failed.Clerk.Error())
	}
	return result
}
