// Package chaos holds no code: its tests play out failures that every proxy meets
// once in a while, with clerkgate, HAProxy and net/http/httputil's ReverseProxy
// under the same script, and count the requests that each of them loses. An
// application restarts, closes connections that it kept, nobody reads the log,
// strangers use up what Clerk allows.
//
// All three run as processes of their own before an application that does what the
// script says, when it says so; what is asserted are counts, never times. HAProxy is
// compared where it is installed.
//
// The scripts of TestReplicas have three clerkgate processes that share a real Redis, a load
// balancer, a local Clerk, and 200 browsers: Clerk is down, Redis fails, sessions end, replicas
// restart. The processes have the machine's clock, so that tokens live for 3 s in place of 30 s
// or more, and an outage takes a minute in place of ten. They run if CHAOS_REQUIRED is set and
// redis-server is installed.
//
// The tables are in docs/failures.md;
//
//	go test -count=1 ./internal/test/chaos -run TestFailures -update
//	CHAOS_REQUIRED=1 go test -count=1 ./internal/test/chaos -run TestReplicas -update
//
// write them anew.
package chaos
