package exposition

//go:generate go test github.com/clerkgate/clerkgate/internal/test/house -run Tables -update

// The names of the metrics.
const (
	Requests          = "clerkgate_requests_total"
	RequestDuration   = "clerkgate_request_duration_seconds"
	Overhead          = "clerkgate_overhead_seconds"
	InFlight          = "clerkgate_requests_in_flight"
	Connections       = "clerkgate_connections"
	ConnectionsLimit  = "clerkgate_connections_limit"
	CertificateExpiry = "clerkgate_certificate_expiry_timestamp_seconds"
	BuildInfo         = "clerkgate_build_info"

	Decisions         = "clerkgate_decisions_total"
	Handshakes        = "clerkgate_handshakes_total"
	RedirectLoops     = "clerkgate_redirect_loops_total"
	Refreshes         = "clerkgate_refreshes_total"
	StaleGrants       = "clerkgate_stale_grants_total"
	ClerkCalls        = "clerkgate_clerk_calls_total"
	ClerkCallDuration = "clerkgate_clerk_call_duration_seconds"
	BreakerState      = "clerkgate_clerk_breaker_state"
	ClerkUp           = "clerkgate_clerk_up"
	KeysFetched       = "clerkgate_jwks_last_success_timestamp_seconds"
	TokenCacheHits    = "clerkgate_token_cache_hits_total"
	TokenCacheMisses  = "clerkgate_token_cache_misses_total"
	Revocations       = "clerkgate_revocations_total"
	WebhookLag        = "clerkgate_webhook_lag_seconds"
	RevocationLag     = "clerkgate_revocation_lag_seconds"
	StoreUp           = "clerkgate_store_up"
)

// OfAuthenticator are the metrics of an authenticator, which an application and the sidecar
// have alike.
func OfAuthenticator() []Metric {
	return []Metric{
		{Name: Handshakes, Kind: Counter, Labels: []string{"reason"}, Help: "Redirects of browsers to Clerk, by reason."},
		{Name: RedirectLoops, Kind: Counter, Help: "Redirects to Clerk that were not made because the browser came back from the ones before without a session."},
		{Name: Refreshes, Kind: Counter, Labels: []string{"result", "shared"}, Help: "Requests that needed an expired session token to be exchanged. shared says who made the call: no (the request itself), process (another request), replicas (another replica)."},
		{Name: StaleGrants, Kind: Counter, Help: "Expired tokens that were accepted because Clerk is down."},
		{Name: ClerkCalls, Kind: Counter, Labels: []string{"operation", "outcome"}, Help: "Attempts of calls to Clerk's Backend API."},
		{Name: ClerkCallDuration, Kind: Histogram, Labels: []string{"operation"}, Help: "Duration of the attempts of calls to Clerk's Backend API."},
		{Name: BreakerState, Kind: Gauge, Labels: []string{"target"}, Help: "1 while calls of a kind are suspended because they have failed or Clerk has asked for a rest, else 0."},
		{Name: ClerkUp, Kind: Gauge, Labels: []string{"part"}, Help: "1 unless this process has noticed that a part of Clerk is down. Nothing is asked for the sake of this metric."},
		{Name: KeysFetched, Kind: Gauge, Help: "Time at which the keys in use were fetched from Clerk.", Missing: "keys from `CLERK_JWT_KEY`, or none fetched yet"},
		{Name: TokenCacheHits, Kind: Counter, Help: "Tokens that had been verified before."},
		{Name: TokenCacheMisses, Kind: Counter, Help: "Tokens that had to be verified."},
		{Name: Revocations, Kind: Counter, Labels: []string{"source"}, Help: "Revocations that came into force: by webhook, call (of the admin listener or an application), sign-out, replica (another one told it)."},
		{Name: WebhookLag, Kind: Histogram, Help: "Time from an event at Clerk until it was in force here."},
		{Name: RevocationLag, Kind: Histogram, Help: "Time from a revocation at another replica until it was in force here."},
		{Name: StoreUp, Kind: Gauge, Help: "1 while the store that replicas share works, else 0.", Missing: "no store"},
	}
}

// OfDecisions are the metrics of an application's requests.
func OfDecisions() []Metric {
	return []Metric{
		{Name: Decisions, Kind: Counter, Labels: []string{"outcome", "reason"}, Help: "Decisions about requests. reason is empty if somebody is signed in."},
	}
}

// OfProxy are the metrics that only the sidecar has.
func OfProxy() []Metric {
	return []Metric{
		{Name: Requests, Kind: Counter, Labels: []string{"route", "outcome", "reason", "code_class"}, Help: "Requests that have ended. outcome says what became of the request, reason why nobody is signed in. code_class is 1xx to 5xx, or none if nothing was sent."},
		{Name: RequestDuration, Kind: Histogram, Labels: []string{"route"}, Help: "Time from the header of a request until the end of its response, without upgraded connections such as WebSockets."},
		{Name: Overhead, Kind: Histogram, Help: "Time from the header of a request until it was forwarded to the application or, if it was not, until the end of the response. It includes waiting for Clerk."},
		{Name: InFlight, Kind: Gauge, Help: "Requests in progress, with upgraded connections."},
		{Name: Connections, Kind: Gauge, Help: "Open connections of clients.", Missing: "no limit of connections"},
		{Name: ConnectionsLimit, Kind: Gauge, Help: "The most connections of clients that may be open; more have to wait.", Missing: "no limit of connections"},
		{Name: CertificateExpiry, Kind: Gauge, Help: "Time at which the server's certificate expires.", Missing: "no TLS"},
		{Name: BuildInfo, Kind: Gauge, Labels: []string{"version", "goversion"}, Help: "1; the labels say what runs."},
	}
}
