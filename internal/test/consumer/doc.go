// Package consumer measures what an application takes on by importing middleware
// and clerkapi: the modules in its go.mod, the packages in its binary, its size.
// It has tests only.
package consumer
