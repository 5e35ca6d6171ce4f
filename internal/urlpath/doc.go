// Package urlpath reads the paths of requests as the servers behind this one could.
//
// [Canonical] returns the one form of a path that has only one reading. [Readings]
// returns all the forms that a chain of careless servers could make of another, so that
// a decision can be held to each of them. All functions are pure and safe for
// concurrent use.
package urlpath
