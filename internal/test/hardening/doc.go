// Package hardening holds no code: its tests attack a complete clerkgate over real
// sockets, with a fake Clerk and a strict upstream. Each published vulnerability of
// comparable software that concerns a proxy has a test named after its advisory, here or
// where README.md says.
package hardening
