package accesslog

import (
	"strings"
	"time"
)

// field is a column of the access log. One of text, number and duration is set.
type field struct {
	name string // in the configuration, and in the format text
	json string // an attribute of OpenTelemetry's semantic conventions where there is one
	ecs  string // a field of the Elastic Common Schema, or one below clerkgate
	help string
	// chosen says that the field must be asked for.
	chosen bool

	text     func(*Entry) string        // "" leaves the field out
	number   func(*Entry) int64         // a negative one leaves it out
	duration func(*Entry) time.Duration // a negative one leaves it out
}

// The most that is written of texts that a client chose, in bytes.
const (
	maxMethod    = 32
	maxHost      = 264 // of a name with a port
	maxPath      = 2048
	maxUserAgent = 256
	maxReferer   = 512
	maxError     = 512
)

// table holds every field, in the order of a line.
func table() []field {
	return []field{
		{name: "status", json: "http.response.status_code", ecs: "http.response.status_code", number: func(e *Entry) int64 { return int64(e.Status) },
			help: "The status of the response; 499 if the client left before there was one."},
		{name: "method", json: "http.request.method", ecs: "http.request.method", text: func(e *Entry) string { return Bounded(e.Method, maxMethod) },
			help: "The method; of the original request if a gateway asks."},
		{name: "host", json: "server.address", ecs: "url.domain", text: func(e *Entry) string { return Bounded(e.Host, maxHost) },
			help: "The host as the browser wrote it, with its port if it has one."},
		{name: "path", json: "url.path", ecs: "url.path", text: func(e *Entry) string { return Bounded(e.Path, maxPath) },
			help: "The path, never the query."},
		{name: "duration_ms", json: "duration_ms", ecs: "event.duration", duration: func(e *Entry) time.Duration { return e.Duration },
			help: "From the request's arrival to its end, in milliseconds (ECS: nanoseconds)."},
		{name: "outcome", json: "outcome", ecs: "clerkgate.outcome", text: func(e *Entry) string { return e.Outcome },
			help: "What clerkgate did; see below."},
		{name: "decision", json: "decision", ecs: "clerkgate.decision", text: func(e *Entry) string { return e.Decision },
			help: "`signed-in`, `signed-out`, `handshake` or `unavailable`; nothing if the request was not judged."},
		{name: "reason", json: "reason", ecs: "event.reason", text: func(e *Entry) string { return e.Reason },
			help: "Why nobody is signed in, in Clerk's words, or the code of the refusal."},
		{name: "route", json: "route", ecs: "clerkgate.route", text: func(e *Entry) string { return e.Route },
			help: "The route's name, or its line in the routes file."},
		{name: "user_id", json: "user_id", ecs: "user.id", text: func(e *Entry) string { return e.UserID },
			help: "The user."},
		{name: "session_id", json: "session_id", ecs: "clerkgate.session_id", text: func(e *Entry) string { return e.SessionID },
			help: "The session."},
		{name: "organization_id", json: "organization_id", ecs: "organization.id", text: func(e *Entry) string { return e.OrganizationID },
			help: "The active organization."},
		{name: "refreshed", json: "refreshed", ecs: "clerkgate.refreshed", text: func(e *Entry) string { return yes(e.Refreshed) },
			help: "`true` if the session's token was renewed."},
		{name: "client", json: "client.address", ecs: "client.ip",
			help: "The client's address, behind the proxies in `CLERKGATE_TRUSTED_PROXIES`."},
		{name: "client_left", json: "client_left", ecs: "clerkgate.client_left", text: func(e *Entry) string { return e.ClientLeft },
			help: "What the client did if it left before the end; see below."},
		{name: "bytes_in", json: "http.request.body.size", ecs: "http.request.body.bytes", number: func(e *Entry) int64 { return e.BytesIn },
			help: "How much of the request's body was received."},
		{name: "bytes_out", json: "http.response.body.size", ecs: "http.response.body.bytes", number: func(e *Entry) int64 { return e.BytesOut },
			help: "How much of the response's body was sent."},
		{name: "upstream", json: "upstream.address", ecs: "clerkgate.upstream.address", text: func(e *Entry) string { return e.Upstream },
			help: "The application's address, as it is configured."},
		{name: "upstream_status", json: "upstream.status_code", ecs: "clerkgate.upstream.status_code", number: func(e *Entry) int64 { return positive(e.UpstreamStatus) },
			help: "The application's status."},
		{name: "upstream_ms", json: "upstream.duration_ms", ecs: "clerkgate.upstream.duration", duration: func(e *Entry) time.Duration { return e.UpstreamTime },
			help: "Until the application's answer began, in milliseconds (ECS: nanoseconds)."},
		{name: "request_id", json: "request_id", ecs: "http.request.id", text: func(e *Entry) string { return e.RequestID },
			help: "`X-Request-Id`: taken from trusted proxies, else made; the client and the application get it."},
		{name: "trace_id", json: "trace_id", ecs: "trace.id", text: func(e *Entry) string { return e.TraceID },
			help: "The trace id of the request's `traceparent`."},
		{name: "user_agent", json: "user_agent.original", ecs: "user_agent.original", text: func(e *Entry) string { return Bounded(e.UserAgent, maxUserAgent) },
			help: "The program that the client says it is."},
		{name: "error", json: "error", ecs: "error.message", text: func(e *Entry) string { return Bounded(e.Error, maxError) },
			help: "Why the response is not the application's, or not all of it."},
		{name: "protocol", json: "network.protocol.version", ecs: "http.version", chosen: true, text: func(e *Entry) string { return strings.TrimPrefix(e.Protocol, "HTTP/") },
			help: "The version of HTTP."},
		{name: "referer", json: "http.request.header.referer", ecs: "http.request.referrer", chosen: true, text: func(e *Entry) string { return withoutQuery(e.Referer) },
			help: "The page that the request came from, without its query."},
	}
}

// Field documents a column of the access log.
type Field struct {
	// Name is its name in the configuration and in the format text, JSON and ECS those in
	// these formats.
	Name, JSON, ECS string
	// Help says what it holds.
	Help string
	// Default reports that it is written unless the configuration chooses others.
	Default bool
}

// Fields returns the columns in the order of a line. Each line also has the time, a level
// and a message.
func Fields() (all []Field) {
	for _, f := range table() {
		all = append(all, Field{Name: f.name, JSON: f.json, ECS: f.ecs, Help: f.help, Default: !f.chosen})
	}
	return all
}

// Names returns the names of all fields.
func Names() (names []string) {
	for _, f := range table() {
		names = append(names, f.name)
	}
	return names
}

func yes(b bool) string {
	if b {
		return "true"
	}
	return ""
}

func positive(n int) int64 {
	if n <= 0 {
		return -1
	}
	return int64(n)
}

// withoutQuery returns a URL up to its query.
func withoutQuery(url string) string {
	if i := strings.IndexAny(url, "?#"); i >= 0 {
		url = url[:i]
	}
	return Bounded(url, maxReferer)
}
