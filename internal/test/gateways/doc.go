// Package gateways holds no code: its tests put real gateways before clerkgate, each
// with the recipe of examples/forwardauth as it is shipped, and look at them as a
// browser, a program and an attacker would. It is a module of its own, so that
// what only these tests need stays out of the dependencies of clerkgate. run.sh
// installs the gateways that Debian has and runs everything; go test alone skips
// those that are missing.
package gateways
