// Package revocation remembers which tokens must no longer be believed although they have
// not expired: a deny list.
//
// A [List] holds entries in memory. [List.Check] judges a token by them; it takes no lock
// and allocates nothing, because it is asked about each request. An entry says that a
// session has ended, that what a user was given until some time is void, or that tokens
// with an organization, a membership, a role or a permission were issued before that
// changed, and must be renewed. Entries may arrive twice and in any order: the time in an
// entry only ever grows.
//
// The list is bounded. When it is full, it forgets the oldest entries, and has every token
// that was issued before them renewed, so that Clerk refuses those that the forgotten
// entries were about.
//
// [Entry.Append] and [Decode] are the form in which replicas share entries.
package revocation
