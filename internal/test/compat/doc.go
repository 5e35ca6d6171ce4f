// Package compat holds no code: its tests run the official Go SDK for Clerk on clerktest, which proves clerktest by a
// client that is not ours. It is a module of its own, so that the SDK stays out of the dependencies of clerkgate.
// run.sh runs these tests and those of @clerk/backend in node/.
package compat
