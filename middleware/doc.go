// Package middleware puts Clerk sessions in front of net/http handlers.
package middleware
