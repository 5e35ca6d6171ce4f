// Package identity writes the X-Clerk-* headers that tell an application who is behind
// a request.
//
// The headers are the rows of one table: the word in a route's identity list, the name
// of the header, and the source of its value. The routes file, the responses to
// gateways and the test of the README all read that table.
//
// Each byte of a value outside 0x21 to 0x7e, and the percent sign, is written as %XX. A
// value that is then longer than 1 KiB is left out, because a truncated name could be
// somebody else's. Scopes are encoded one by one and joined by spaces. The reason stays in
// the words of Clerk's SDK, with their spaces, unless a header cannot hold it.
package identity
