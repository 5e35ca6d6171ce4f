// Package routes is clerkgate's routes file: which requests need whom, and where
// they go.
//
// [Parse] reads the file and finds everything wrong with it at once, each problem
// with its line and a remedy. [NewTable] makes a table of the routes, and
// [Table.Match] finds a request's route: one canonical form of host and path is
// made, judged, and is the form to send upstream. [Table.Explain] says in words
// what Match decided. [Schema] is the file's JSON schema, for editors.
//
// # What a path is
//
// [Canonical] makes the one form of a path, which is judged and sent. What two
// servers could read differently has none. Such a path, and any with escapes or
// semicolons, is judged by all its readings: Match imagines every chain of servers
// that decode (three times at most), resolve dot segments, merge slashes, cut
// parameters off, take backslashes for slashes or split at an encoded ? or #, and
// refuses the path unless each reading leads to the same route. So "/admin;x" cannot
// avoid a route for "/admin".
//
// A path without a canonical form, such as "/projects/group%2Fname", passes as it came
// if every reading leads to the same route, and no other route for the host and method
// asks for more. A reading that is not among the known ones then leads to nothing that
// the request could not have had anyway. Beside a stricter route, such a path passes only
// with ambiguous_paths: true.
// Control characters and bad escapes never pass.
//
// Two things are the operator's: letters in paths count as they are written, and
// "/admin/*" does not include "/admin". For an upstream that takes "/Admin" or
// "/admin" for the same place, the last routes must ask as much as the first.
//
// # What a file may hold
//
// No anchors, aliases, merge keys or second documents: what a file says must be
// what it looks like. A file is at most 1 MiB. Values belong to the operator and are
// quoted in errors, shortened; values of request headers and URLs with a user are
// not.
package routes
