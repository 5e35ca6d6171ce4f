// Package outbound prepares what an application gets in place of a client's request, once
// that request has been judged.
//
// A [Builder] knows what one route promises its application. [Builder.Issue] obtains the
// tokens. [Builder.Request] returns the request, for [forward.Upstream.Forward] to send;
// [Builder.Header] returns the same header for a gateway, which sends the request itself.
//
// Guarantees:
//
//   - Headers that say who the user is, or where the request came from, are written here.
//     The client's copies are removed, in any spelling.
//   - Clerk's private cookies and query parameters are removed: an application that holds
//     a refresh token could act for the user long after the session token expired.
//   - A token that was promised and cannot be issued is an error. The application never
//     gets another token in its place.
package outbound
