//go:build !unix

package main

import "github.com/clerkgate/clerkgate/cmd/clerkgate/internal/child"

// passSignals has nothing to pass on: this system has no further signals.
func passSignals(*child.Child) (stop func()) { return func() {} }
