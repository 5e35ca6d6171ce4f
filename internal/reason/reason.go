// Package reason lists the reasons for which requests are not signed in, so that metrics can
// have one as a label: the set of reasons is open, since a code of Clerk's API can be part of
// one, and a label must have few values.
package reason

import "slices"

// Other stands for every reason that is not listed.
const Other = "other"

// names are the reasons in alphabetical order; "" is the absence of one. A test compares them
// with the constants of packages middleware and token.
var names = []string{
	"",
	"No token in header",
	"active-organization-mismatch",
	"client-uat-but-no-session-token",
	"cross-site-request",
	"dev-browser-missing",
	"dev-browser-sync",
	"jwk-failed-to-resolve",
	"jwk-kid-mismatch",
	"jwk-remote-failed-to-load",
	Other,
	"primary-domain-cross-origin-sync",
	"primary-responds-to-syncing",
	"revocations-unknown",
	"satellite-needs-syncing",
	"secret-key-invalid",
	"session-pending",
	"session-revoked",
	"session-token-and-uat-missing",
	"session-token-but-no-client-uat",
	"session-token-expired",
	"session-token-expired-refresh-expired-session-token-decode-failed",
	"session-token-expired-refresh-expired-session-token-missing-sid-claim",
	"session-token-expired-refresh-fetch-error",
	"session-token-expired-refresh-invalid-session-token",
	"session-token-expired-refresh-missing-api-client",
	"session-token-expired-refresh-non-eligible-no-refresh-cookie",
	"session-token-expired-refresh-non-eligible-non-get",
	"session-token-expired-refresh-session_refresh_expired_session_token_consumed",
	"session-token-expired-refresh-session_refresh_expired_session_token_missing_iat",
	"session-token-expired-refresh-session_refresh_expired_session_token_too_old",
	"session-token-expired-refresh-session_refresh_inactive_session",
	"session-token-expired-refresh-session_refresh_session_not_found",
	"session-token-expired-refresh-session_refresh_session_token_ineligible",
	"session-token-expired-refresh-session_refresh_user_not_found",
	"session-token-expired-refresh-too_many_requests",
	"session-token-expired-refresh-unexpected-bapi-error",
	"session-token-expired-refresh-unexpected-sdk-error",
	"session-token-iat-before-client-uat",
	"session-token-iat-in-the-future",
	"session-token-missing",
	"session-token-nbf",
	"token-expired",
	"token-iat-in-the-future",
	"token-invalid",
	"token-invalid-algorithm",
	"token-invalid-authorized-parties",
	"token-invalid-issuer",
	"token-invalid-signature",
	"token-not-active-yet",
	"token-type-mismatch",
	"token-verification-failed",
	"token-verification-unavailable",
	"token-without-subject",
	"unexpected-error",
}

// Len is one more than the greatest index.
const Len = 55

// Index returns the index of a reason, which for one that is not listed is that of [Other].
// It allocates nothing.
func Index(name string) int {
	i, known := slices.BinarySearch(names, name)
	if !known {
		i, _ = slices.BinarySearch(names, Other)
	}
	return i
}

// Name returns the reason with an index.
func Name(index int) string { return names[index] }
