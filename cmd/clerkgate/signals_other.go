//go:build !unix

package main

import "github.com/clerkgate/clerkgate/cmd/clerkgate/internal/child"

// passSignals does nothing: this system has no such signals.
func passSignals(*child.Child) (stop func()) { return func() {} }
