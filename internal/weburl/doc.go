// Package weburl parses URLs as JavaScript's URL class does.
//
// Clerk compares, stores and signs URLs that were written by a browser or by its
// JavaScript SDK. Go's net/url follows another standard: it keeps dot segments,
// default ports and raw characters, and it refuses "%zz". A redirect URL or an origin
// that differs from Clerk's by one byte ends in a redirect loop or, worse, in two
// parties that disagree about the host. This package therefore follows the WHATWG URL
// Standard (https://url.spec.whatwg.org/).
//
// [Parse] and [ParseRef] return a [URL]; its getters are named after the JavaScript
// properties. The query methods are those of URLSearchParams: reading changes nothing,
// and every change rewrites the whole query as application/x-www-form-urlencoded,
// which turns "%20" into "+", "~" into "%7E" and "flag" into "flag=".
//
// The one intended difference is that more is refused: some unusual hosts, such as
// "-1" and internationalized names that only newer Unicode tables or laxer rules
// allow, and URLs that are longer than 32 KiB, have more than 512 slashes, or have more
// than 1 KiB between "//" and the path. No host is ever read as another.
//
// Input bytes that are not UTF-8 count as U+FFFD. Errors never contain the
// input, because a URL may carry a token.
package weburl
