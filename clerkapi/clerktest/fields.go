package clerktest

import (
	"net/http"
	"time"
)

// audience is a set of readers of a resource: the APIs and the webhooks.
type audience uint8

const (
	backendAPI audience = 1 << iota
	frontendAPI
	webhooks

	servers   = backendAPI | webhooks // the application's own programs
	everybody = backendAPI | frontendAPI | webhooks
)

// view says for which reader, API version and time a resource is encoded.
type view struct {
	who     audience
	version string // "" for the newest
	now     time.Time
	mint    func(*session) string // creates a session token; only set for the Frontend API
}

// knows reports whether the requested version is the given one or newer.
func (v view) knows(version string) bool { return v.version == "" || v.version >= version }

// backendView returns the view for a request to the Backend API.
func (c *Clerk) backendView(r *http.Request) view {
	return view{who: backendAPI, version: apiVersion(r), now: c.Now()}
}

// webhookView returns the view for events. They have their own version, without the tasks of sessions.
func (c *Clerk) webhookView() view { return view{who: webhooks, now: c.Now()} }

func (c *Clerk) frontendView(call *frontendCall) view {
	return view{who: frontendAPI, now: call.now, mint: func(s *session) string {
		return c.keys.sign(c.sessionClaims(s, call.origin))
	}}
}

// field is one member of a resource. A resource has one table of fields for both APIs and the webhooks, so that they
// differ only where the table says so.
type field[T any] struct {
	name  string
	shown audience
	value func(view, T) any
	since string // the API version that introduced it; "" for all versions
}

// show encodes a resource for a view.
func show[T any](v view, fields []field[T], of T) object {
	resource := make(object, len(fields))
	for _, f := range fields {
		if f.shown&v.who != 0 && (f.since == "" || v.knows(f.since)) {
			resource[f.name] = f.value(v, of)
		}
	}
	return resource
}

// always returns the value function of a field that is the same in all resources of a kind.
func always[T any](value any) func(view, T) any { return func(view, T) any { return value } }

// orNull returns nil for an empty text: Clerk never sends "" for an absent value.
func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// millis returns a time in Unix milliseconds, or nil for the zero time.
func millis(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMilli()
}

// metadata returns an empty object for nil, because metadata is never null.
func metadata(m map[string]any) object {
	if m == nil {
		return object{}
	}
	return m
}

// verification returns the verification of an identifier or a factor. Its object depends on the strategy.
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

// showAll encodes a list of resources, which is never null.
func showAll[T any](v view, fields []field[T], of []T) []object {
	list := make([]object, len(of))
	for i, one := range of {
		list[i] = show(v, fields, one)
	}
	return list
}
