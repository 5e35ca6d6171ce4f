// Package frameworks has a recipe for each of chi, gorilla/mux, echo and Gin: the same
// small application, with Clerk sessions. Their tests run on a local Clerk.
//
// The pages of each are / for everybody, /account for signed-in users, /cached, whose
// handler asks for public caching, /stream, which flushes, and /socket, a WebSocket.
package frameworks
