// Package consumer has tests only. They measure what importing middleware and clerkapi
// costs an application: the modules in its go.mod, the packages in its binary, and its
// size.
package consumer
