// Package openapi holds no code: its test records the exchanges of the local Clerk's test
// suites, and validates each against Clerk's own OpenAPI files: Backend API, Frontend API
// and webhooks.
//
// The files belong to Clerk and are not in this repository. Clone
// github.com/clerk/openapi-specs and set the path:
//
//	cd internal/test/openapi && CLERK_OPENAPI=~/openapi-specs go test -count=1 -v .
//
// Without that variable the test is skipped, and says so, unless OPENAPI_REQUIRED
// is 1. It is a separate module because of the validator that it depends on.
package openapi
