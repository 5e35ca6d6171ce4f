// Package compat holds no code: its tests run Clerk's official Go SDK on clerktest, to test clerktest with a client that
// is not ours. It is a separate module, so that clerkgate does not depend on the SDK. run.sh runs these tests, those of
// @clerk/backend and the official MCP client in node/, and those of @clerk/clerk-js in browser/.
package compat
