// Package differential holds no code: its test judges random requests both with
// this module and with Clerk's own SDK, the npm package @clerk/backend in the
// version that package.json pins, and wants the same decision from both.
//
//	npm install --prefix internal/test/differential
//	DIFFERENTIAL_REQUESTS=5000 DIFFERENTIAL_SEEDS=1,2,3 go test -run TestDifferential -v ./internal/test/differential
//
// Without Node or the package the test is skipped, unless DIFFERENTIAL_REQUIRED
// is 1. The decisions, and why some differ on purpose, are listed in
// middleware/DECISIONS.md.
package differential
