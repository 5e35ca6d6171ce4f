// Package openapi holds no code: its test has the suites of the local Clerk record
// what they exchange with it, and validates each exchange against Clerk's own
// OpenAPI files: Backend API, Frontend API and webhooks.
//
// The files are Clerk's and are not in this repository. Take them from
// github.com/clerk/openapi-specs and say where they are:
//
//	cd internal/test/openapi && CLERK_OPENAPI=~/openapi-specs go test -count=1 -v .
//
// Without that variable the test is skipped, and says so, unless OPENAPI_REQUIRED
// is 1. It is a module of its own for the sake of its validator.
package openapi
