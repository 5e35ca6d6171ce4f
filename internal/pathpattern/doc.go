// Package pathpattern matches paths against the patterns of Clerk's organization
// sync, such as "/orgs/:slug(.*)?".
//
// The syntax is that of path-to-regexp 6.3, which @clerk/shared includes:
//
//	/orgs/:slug        a named parameter: one segment
//	/orgs/:id(org_\w+) a parameter with its own regular expression
//	/orgs/:slug/(.*)   an unnamed parameter, called "0", "1", …
//	/orgs/:slug?       optional, with the slash before it
//	/a/:rest+          one or more segments; with *, zero or more
//	{/:lang}?/x        a group with its own prefix and suffix
//
// Letter case does not matter, and one trailing "/", "#" or "?" is allowed.
// Parameters are returned as they are in the path, not decoded.
//
// Call [Compile] once, then [Matcher.Match] for each request. Patterns without regular
// expressions of their own match in linear time. The others may use JavaScript's syntax
// (lookahead), which needs a backtracking engine: its time is limited, and a path that
// exceeds the limit does not match. That engine keeps a clock goroutine for about a
// second after its last match.
//
// Compiling is stricter than the original in two ways: a capturing group inside a
// parameter's expression, for which the original fails at each request, and a
// backslash at the end are errors. An empty list matches nothing, where the original
// matches every path.
package pathpattern
