// Command clerkgate puts Clerk sessions in front of anything that speaks HTTP.
// Run "clerkgate help" for its commands and for what it reads from the environment.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/coreos/go-systemd/v22/activation"
)

func main() {
	limitMemory()
	// By default a process dies of the first line after the reader of its output has
	// gone, as in: clerkgate 2>&1 | head -1. The signal is caught, not ignored, because a
	// program that clerkgate starts would ignore it too.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], process{
		lookup: os.LookupEnv, environ: os.Environ(), stdout: os.Stdout, stderr: os.Stderr, sockets: activation.ListenersWithNames,
		child: [2]*os.File{os.Stdout, os.Stderr},
	})
	stop() // os.Exit would skip a defer
	os.Exit(code)
}
