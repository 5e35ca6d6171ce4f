package clerkapi

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxIDBytes = 512
	maxDecodes = 10
)

// pathSegment returns id escaped for use as one path segment, or ErrInvalidID.
//
// An id may come from a token or a cookie, so it must not be able to name another endpoint. Proxies differ in how often
// they decode a path. Therefore the id is decoded until it no longer changes, and refused if any layer is empty, a dot
// segment, or contains a separator or control character. No id of Clerk's contains any of them.
func pathSegment(id string) (string, error) {
	if len(id) > maxIDBytes {
		return "", ErrInvalidID
	}
	layer := id
	for range maxDecodes {
		if !plainSegment(layer) {
			return "", ErrInvalidID
		}
		next, err := url.PathUnescape(layer)
		if err != nil {
			// A lenient decoder may decode it differently.
			return "", ErrInvalidID
		}
		if next == layer {
			return url.PathEscape(id), nil
		}
		layer = next
	}
	return "", ErrInvalidID
}

func plainSegment(s string) bool {
	return s != "" && s != "." && s != ".." && utf8.ValidString(s) &&
		!strings.ContainsAny(s, `/\`) && !strings.ContainsFunc(s, unicode.IsControl)
}
