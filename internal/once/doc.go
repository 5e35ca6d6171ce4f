// Package once makes one call for all callers that need its result, and caches the
// result until a time that the call returns with it.
//
// [Memory.Do] returns the cached result, joins a call in progress, or makes one.
// [Memory.DoWithin] does the same for callers that can go on without a result, and
// [Memory.Renew] makes a call before the cached result expires. The call decides how
// long its result is cached: a success for long, a failure for a moment, or not at all.
//
// Guarantees:
//   - While a result is cached, only Renew makes the call for its key again, and there
//     are never two calls for one key at the same time. There is no gap in between.
//   - A call has a context of its own with a time limit: a caller that gives up does
//     not cancel it for the others, and no caller waits longer than its own context.
//   - No call outlives [Memory.Close].
//   - The memory is bounded in entries and, if results differ in size, in bytes.
//     Expired results are removed within [SweepPeriod], whether there are calls or not.
package once
