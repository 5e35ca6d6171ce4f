// Package exchange turns a session into a token of a JWT template, for upstreams
// that want a token of their own kind, such as a database.
//
// [New] makes an [Exchanger], [Exchanger.Token] answers from memory until shortly
// before a token expires and otherwise asks Clerk (POST
// /v1/sessions/{id}/tokens/{template}): once, however many requests wait.
//
// # What is guaranteed
//
// A token is handed out only for the very [Key] that it was made for. A call that
// is shared ends by its own time limit, not when the first who asked leaves, and
// each who waits leaves when its own context ends. A failure is remembered for
// [FailureMemory], or, when Clerk asks for less traffic, all calls rest for as long
// as it says: a Clerk in trouble is not asked once per request. Ids are checked
// before they enter a URL.
//
// A template's token is an answer of Clerk over an authenticated connection, meant
// for others. It is not verified here and says nothing about who is signed in; its
// times alone are read.
package exchange
