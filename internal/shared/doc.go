// Package shared is what the middleware uses a store (middleware/store) for, so that the
// store need not be trusted and cannot hurt when it fails.
//
// [New] takes the store of one Clerk instance. [Store.Get], [Store.Put] and
// [Store.PutIfAbsent] are for values, [Store.Turn] for work that one replica does for all,
// and [Store.Log] for what every replica must learn of.
//
// Guarantees:
//   - What is returned was written by a process with one of the keys, for the same name and
//     instance; everything else counts as absent. It may be an old value of that name.
//   - Names that are made of secrets ([Store.Hash]) do not tell them, and a value that is
//     bound to a secret does not open without it.
//   - A call takes no longer than [CallTimeout], and while calls fail none are made, except
//     for probes.
//   - Failures and the end of them are logged, once each.
package shared
