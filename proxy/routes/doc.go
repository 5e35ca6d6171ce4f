// Package routes reads clerkgate's routes file, which says what each request requires and
// where it goes.
//
// [Parse] reads the file and reports all problems at once, each with its line and a remedy.
// [NewTable] makes a table of the routes, and [Table.Match] finds the route of a request. It
// judges one canonical form of host and path, which is also what is sent upstream.
// [Table.Explain] explains what Match decides. [Schema] is the file's JSON schema, for
// editors.
//
// # What a path is
//
// Package urlpath defines the canonical form of a path, which is judged and sent. A path
// that two servers could read differently has no such form. It is judged by all its readings,
// as is any path with escapes or semicolons: Match considers every chain of servers that
// decode (three times at most), resolve dot segments, merge slashes, cut off parameters,
// take backslashes for slashes, or split at an encoded ? or #. It refuses the path unless
// each reading leads to the same route. So "/admin;x" cannot avoid a route for "/admin".
//
// A path without a canonical form, such as "/projects/group%2Fname", passes as it came
// if every reading leads to the same route, and no other route for the host and method
// asks for more. A reading that is not considered here then leads to nothing that the
// request could not get anyway. Beside a stricter route, such a path passes only with
// ambiguous_paths: true. Control characters and bad escapes never pass.
//
// Two things are left to the operator: paths are case-sensitive, and "/admin/*" does not
// include "/admin". If an upstream takes "/Admin" and "/admin" for the same place, the last
// routes must ask as much as the first.
//
// # What a file may hold
//
// Anchors, aliases, merge keys and second documents are refused, because with them a file
// may mean something else than it seems to. A file has at most 1 MiB. Errors quote values,
// shortened, except those of request headers and URLs with a user.
package routes
