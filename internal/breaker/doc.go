// Package breaker stops calls to a server that is failing, and notices when it works
// again.
//
// A [Breaker] guards the calls of one kind. The caller asks [Breaker.Allow] before each
// call, and reports the [Outcome] after it. Once at least half of the calls in the last ten
// seconds have failed, and there were enough of them to tell, the breaker opens: calls
// are refused at once instead of waiting for a server that does not respond. After a
// pause, a single call is let through, the probe. If it succeeds, the breaker closes;
// otherwise there is another pause.
//
// A server that answers 429 is not failing: the call counts for nothing, and
// [Breaker.RestFor] refuses all calls, of each breaker that has the same [Server], for as
// long as the server asks. They too begin again with a probe each. [Breaker.OpenFor] is the
// same for one breaker.
//
// What one breaker or process has found out does not stop the others, since its own network
// may be what fails. It makes them doubt the server ([Server.Doubt]): their first failure
// opens them, where it takes ten calls to tell otherwise.
//
// [Breaker.MayRetry] is the budget for repeating failed calls, so that repetitions do not
// become the load that keeps a server down.
//
// The window slides in steps of a second, also while there are no calls: failures that
// are older than ten seconds never count. All times come from an injected clock.
package breaker
