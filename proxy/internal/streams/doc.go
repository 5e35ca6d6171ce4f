// Package streams knows the connections that outlast the tokens that they were opened with,
// such as WebSockets and event streams, so that they end with their sessions.
//
// A [Registry] holds each of them from [Registry.Add] until it is over. After a revocation,
// [Registry.Revoked] has all of them judged again. Independently of that, the registry asks
// Clerk about their sessions, one after the other. While Clerk does not answer, no stream is
// ended, and Clerk is asked more and more rarely.
package streams
