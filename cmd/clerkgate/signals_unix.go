//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"

	"github.com/clerkgate/clerkgate/cmd/clerkgate/internal/child"
)

// passSignals passes signals that clerkgate does not use on to the application, until
// stop is called.
func passSignals(app *child.Child) (stop func()) {
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGWINCH)
	go func() {
		for s := range signals {
			if s, ok := s.(syscall.Signal); ok {
				app.Signal(s)
			}
		}
	}()
	return func() {
		signal.Stop(signals)
		close(signals)
	}
}
