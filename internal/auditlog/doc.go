// Package auditlog keeps a record of what was refused, revoked and changed, in which a gap or
// a change shows.
//
// A [Log] writes one object of JSON a line. Each has a sequence number and the SHA-256 of the
// line before, so that the lines are a chain: a line that is changed, taken out, put in or
// moved breaks it, and [Verify] says where. A chain goes on when the program starts again, and
// when the file is renamed and another takes its place.
//
// There is no key in it: whoever may write the file can make a new chain. A copy of the last
// line that is kept elsewhere, as log shippers do, shows that too.
//
// Events wait in memory until they are written, and are written again after a failure. Only
// when more than a bound wait are events lost, and then the next line says how many: nothing
// is lost silently.
package auditlog
