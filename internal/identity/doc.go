// Package identity says who is behind a request in X-Clerk-* headers.
//
// The headers are the rows of one table: the word in a route's identity list, the
// header, and where its value comes from. Whoever needs to know which there are, the
// routes file, the answer to a gateway, a test of the README, reads that table.
//
// Values are encoded by one rule: each byte outside 0x21 to 0x7e, and the percent sign,
// is written as %XX. A value longer than 1 KiB after that is left out, because a
// shortened name could be somebody else's. Scopes are encoded one by one and joined by
// spaces.
package identity
