package clerktest

import (
	"net/http"
	"time"
)

// audience is who is shown a resource: an API, or the webhooks.
type audience uint8

const (
	backendAPI audience = 1 << iota
	frontendAPI
	webhooks

	servers   = backendAPI | webhooks // the application's own programs
	everybody = backendAPI | frontendAPI | webhooks
)

// view is for whom, when, and by which version of the API a resource is written.
type view struct {
	who     audience
	version string // empty is the newest
	now     time.Time
	mint    func(*session) string // makes a session token; the Frontend API alone has it
}

// knows says whether the version asked for is this one or newer.
func (v view) knows(version string) bool { return v.version == "" || v.version >= version }

// backendView is what a request to the Backend API is shown.
func (c *Clerk) backendView(r *http.Request) view {
	return view{who: backendAPI, version: apiVersion(r), now: c.Now()}
}

// webhookView is what events show. They have a version of their own, without the tasks of sessions.
func (c *Clerk) webhookView() view { return view{who: webhooks, now: c.Now()} }

func (c *Clerk) frontendView(call *frontendCall) view {
	return view{who: frontendAPI, now: call.now, mint: func(s *session) string {
		return c.keys.sign(c.sessionClaims(s, call.origin))
	}}
}

// field is one member of a resource. A resource is one table of them for both APIs and the webhooks, so that they can
// differ only where the table says so.
type field[T any] struct {
	name  string
	shown audience
	value func(view, T) any
	since string // the version of the API that brought it; empty: every version has it
}

// show writes a resource for a view.
func show[T any](v view, fields []field[T], of T) object {
	resource := make(object, len(fields))
	for _, f := range fields {
		if f.shown&v.who != 0 && (f.since == "" || v.knows(f.since)) {
			resource[f.name] = f.value(v, of)
		}
	}
	return resource
}

// always is the value of a field that no resource of its kind differs in.
func always[T any](value any) func(view, T) any { return func(view, T) any { return value } }

// orNull is a text, or null in place of an empty one: Clerk never says "" for what is not there.
func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// millis is a time as the APIs write it, null for none.
func millis(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMilli()
}

// metadata is never null.
func metadata(m map[string]any) object {
	if m == nil {
		return object{}
	}
	return m
}

// verification says how an identifier or a factor was proven. Each strategy has an object of its own.
func verification(strategy, status string, expires time.Time) object {
	kind := map[string]string{"password": "verification_password", "ticket": "verification_ticket", "admin": "verification_admin"}[strategy]
	if kind == "" {
		kind = "verification_otp"
	}
	v := object{"object": kind, "status": status, "strategy": strategy, "attempts": nil, "expire_at": millis(expires)}
	if kind == "verification_otp" && status == "verified" {
		v["attempts"] = 1
	}
	return v
}

// showAll writes a list of resources, which is never null.
func showAll[T any](v view, fields []field[T], of []T) []object {
	list := make([]object, len(of))
	for i, one := range of {
		list[i] = show(v, fields, one)
	}
	return list
}
