// Package differential holds no code: its tests judge random requests with this module
// and with Clerk's own SDK, the npm package @clerk/backend in the version that
// package.json pins, and compare the decisions. They compare the URLs where people sign in
// and up too.
//
//	npm install --prefix internal/test/differential
//	DIFFERENTIAL_REQUESTS=5000 DIFFERENTIAL_SEEDS=1,2,3 go test -run TestDifferential -v ./internal/test/differential
//
// Without Node or the package the tests are skipped, unless DIFFERENTIAL_REQUIRED is 1.
// middleware/DECISIONS.md lists the intended differences and their reasons.
package differential
