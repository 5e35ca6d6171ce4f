// Package hardening holds no code: its tests attack a whole clerkgate over real
// sockets, with a fake Clerk beside it and an upstream behind it that forgives
// nothing. Each published hole of a neighbour that concerns a proxy has a test
// named after its advisory, here or where README.md says.
package hardening
