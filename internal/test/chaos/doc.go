// Package chaos holds no code: its tests play out failures that every proxy meets
// once in a while, with clerkgate, HAProxy and net/http/httputil's ReverseProxy
// under the same script, and count the requests that each of them loses. An
// application restarts, closes connections that it kept, nobody reads the log,
// strangers use up what Clerk allows.
//
// All three run as processes of their own before an application that does what the
// script says, when it says so; what is asserted are counts, never times. HAProxy is
// compared where it is installed. The table is in docs/failures.md;
//
//	go test -count=1 ./internal/test/chaos -run TestFailures -update
//
// writes it anew.
package chaos
