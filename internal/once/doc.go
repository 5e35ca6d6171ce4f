// Package once asks a question once for all who want its answer, and remembers the
// answer until a time that comes with it.
//
// [Memory.Do] answers from memory, joins a question that is being asked, or asks.
// [Memory.DoWithin] does the same for callers that would rather go on without an
// answer, and [Memory.Renew] asks ahead of time. Callers decide how long each
// answer holds: success for long, failure for a moment, and what must not be kept
// not at all.
//
// Guarantees:
//   - While an answer holds, only Renew asks its question again, and no question is
//     asked twice at the same time. There is no gap between the two.
//   - A question runs on a context of its own with a time limit: a caller that leaves
//     does not end it for the others, and no caller waits longer than its own context.
//   - No question outlives [Memory.Close].
//   - The memory is bounded in entries and, where answers differ in size, in bytes;
//     what has expired leaves by itself within [SweepPeriod].
package once
