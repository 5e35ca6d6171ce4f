// Package answer writes the answers that clerkgate gives in its own name.
//
// [Refuse] answers people with a page and programs with JSON in the error shape of
// Clerk's APIs; [RefuseJSON] answers with JSON whoever asked. An [Error] is a failure
// that knows how it is to be answered. Nothing here may be stored by a cache, and
// nothing shows more than the caller's own words.
package answer
