// Package handshakes keeps what a server has seen of the last handshakes and refused
// sessions, and names what is wrong where they go on and on.
//
// A [Record] holds the names and sizes of Clerk's cookies, never a value: [Read] takes them
// from a request, and a program that reads a browser's log (HAR) makes them itself. [Causes]
// judges records, wherever they come from.
package handshakes
