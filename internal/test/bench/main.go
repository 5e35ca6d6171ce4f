// Command bench measures the cost of a request through clerkgate, compared with a bare
// [net/http/httputil.ReverseProxy] and with HAProxy verifying the same tokens:
//
//	go run ./internal/test/bench
//
// Each contender runs on its own core, wrk and the upstream on another. The result is the
// CPU time of the proxy's process, from /proc. README.md describes the method, the figures
// and the machine. It needs Linux, two cores, wrk and haproxy, and is not part of the tests.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop() // os.Exit would skip a defer
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case err != nil:
		_, _ = fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}

// options are the command's flags.
type options struct {
	rounds     int
	duration   time.Duration
	only       []string // names of contenders; empty is all of them
	transport  string   // CLERKGATE_UPSTREAM_TRANSPORT; "" leaves it unset
	profile    string   // file for clerkgate's CPU profile
	extras     bool     // latency and footprint
	webSockets int

	instructions int    // requests to count with valgrind; 0 measures time
	collect      bool   // whether the garbage collector runs meanwhile
	clerkgate    string // a binary to measure instead of one built from here
}

// run plays a role in a measurement if its first argument names one, and otherwise
// measures.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) > 0 {
		if role, ok := roles[args[0]]; ok {
			return role(ctx, args[1:], stdout)
		}
	}
	o, err := parseFlags(args, stderr)
	if err != nil {
		return err
	}
	return measure(ctx, o, stdout, stderr)
}

func parseFlags(args []string, stderr io.Writer) (options, error) {
	var o options
	var only string
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.IntVar(&o.rounds, "rounds", 5, "rounds; each runs every contender once")
	flags.DurationVar(&o.duration, "duration", 4*time.Second, "how long a contender is loaded in one round")
	flags.StringVar(&only, "only", "", "contenders, comma-separated: "+strings.Join(contenderNames(), ", "))
	flags.StringVar(&o.transport, "transport", "", "clerkgate's CLERKGATE_UPSTREAM_TRANSPORT: direct or standard")
	flags.StringVar(&o.profile, "profile", "", "write a CPU profile of clerkgate under load to this file and print its top 20; nothing else is measured")
	flags.BoolVar(&o.extras, "extras", true, "measure latency, memory, start and size as well")
	flags.IntVar(&o.webSockets, "websockets", 10_000, "idle WebSockets held open for their memory")
	flags.IntVar(&o.instructions, "instructions", 0, "count the user-space instructions of so many requests by valgrind (3000 is plenty); nothing else is measured")
	flags.BoolVar(&o.collect, "gc", true, "with -instructions: let the garbage collector run, whose cycles are few and come when they come")
	flags.StringVar(&o.clerkgate, "clerkgate", "", "measure this clerkgate instead of one built from here")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unknown argument %q", flags.Arg(0))
	}
	if o.rounds < 1 || o.duration < 100*time.Millisecond {
		return o, errors.New("at least one round of 100ms is needed")
	}
	if o.instructions > 0 {
		o.only = []string{"e", "e2", "c", "c2"}
	}
	if only != "" {
		o.only = strings.Split(only, ",")
	}
	return o, nil
}
