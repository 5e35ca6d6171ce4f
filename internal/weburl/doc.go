// Package weburl reads URLs the way a JavaScript URL object does.
//
// Clerk compares, stores and signs URLs that a browser or its own JavaScript
// backend wrote. Go's net/url follows another standard: it keeps dot segments,
// default ports and raw characters, and it refuses "%zz". A redirect URL
// or an origin that differs from Clerk's by one byte ends in a redirect loop or,
// worse, in two parties that disagree about which host is meant. This package
// therefore follows the WHATWG URL Standard (https://url.spec.whatwg.org/).
//
// [Parse] and [ParseRef] make a [URL]; its getters carry the names of the
// JavaScript properties. The query methods are those of URLSearchParams: reading
// changes nothing, and every change writes the whole query again as
// application/x-www-form-urlencoded, which turns "%20" into "+", "~" into "%7E"
// and "flag" into "flag=".
//
// The one intended difference: some odd hosts are refused that JavaScript
// accepts, such as "-1" and internationalised names that only newer Unicode tables
// or laxer rules allow, and so are URLs longer than 32 KiB, with more than
// 512 slashes or with more than 1 KiB between "//" and the path. No host is read as another one.
//
// Input bytes that are not UTF-8 count as U+FFFD. Errors never contain the
// input, because a URL may carry a token.
package weburl
