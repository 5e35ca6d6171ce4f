// Package admin serves the pages for operators, /-/… and the like, at the admin listener.
//
// [New] makes one handler of a table of pages. Each part of the program adds the rows of its
// own; GET /-/ lists them all. What a page shows, and what it does, is for the owner of the
// server alone, so the handler lets a request through in one of two ways:
//
//   - With a token, or with client certificates, each request has to have one of them,
//     wherever it comes from.
//   - With neither, a request has to arrive on a loopback address or a Unix socket. Its Host
//     must be a loopback address, too, since a page that somebody has open can reach such an
//     address under a name of its own (DNS rebinding).
//
// Pages of other sites cannot make a browser POST here, and a body is read, within a limit
// and a time, before its page sees it.
package admin
