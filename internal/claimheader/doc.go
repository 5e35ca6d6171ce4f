// Package claimheader makes headers for an application out of a session's claims, and of
// fields of Clerk's user where the claims lack one.
//
// A [Header] is a name and a template: a path into the claims such as email or
// public_metadata.team, or a text with such paths in braces, such as
// "{first_name} {last_name}". [New] compiles a list of them to a [Set]; [Set.Values] is
// called once for each token.
//
// # Values
//
// Text, numbers and booleans are written as they are, a list of these with commas
// between them, and an object as JSON. Null, the empty text and the empty list count as
// absent.
//
// Each byte outside 0x20 to 0x7e, the percent sign, a space at either end, and a comma
// inside of an element of a list is written as %XX: no value can end its header, and none
// can be taken for another one. A value that is then longer than 1 KiB is left out,
// because a truncated name could be somebody else's.
//
// A header is left out if a field of its template is absent. Where there are only spaces
// between the fields, as in a name, the absent ones are left out instead, as long as
// there is one.
package claimheader
