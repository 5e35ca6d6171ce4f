// Command capacity plays, on virtual time, what many people do to many replicas and to Clerk,
// and prints a table of it:
//
//	go run ./internal/test/capacity
//
// How far an application carries is decided by Clerk's rate limit, and whether it stays
// usable beyond that by the order in which replicas spend the limit. Two simulations play
// the same [Scenario] before the local Clerk with its limit on.
//
// The first is the product itself, in the tests of this package: real Authenticators with a
// store in memory, and browsers with cookies, in a bubble of testing/synctest, without
// sockets. It manages some thousand sessions. The second, the model, manages ten million: it
// has the product's circuit breakers and its constants, read from the source, and only
// plays requests with expired tokens one by one. TestTheModelAgrees holds the two against each
// other where both can play. The model is deterministic for a seed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop() // os.Exit would skip a defer
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case err != nil:
		_, _ = fmt.Fprintf(os.Stderr, "capacity: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("capacity", flag.ContinueOnError)
	flags.SetOutput(stderr)
	only := flags.String("only", "", "a regular expression for the names of the rows to print")
	seed := flags.Uint64("seed", 1, "of the model's random numbers")
	if err := flags.Parse(args); err != nil {
		return err
	}
	chosen, err := regexp.Compile(*only)
	if err != nil {
		return err
	}
	c, err := readConstants(ctx)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprint(stdout, head)
	for _, s := range scenarios() {
		if !chosen.MatchString(s.Name) {
			continue
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		s.Seed = *seed
		began := time.Now()
		counts := simulate(s, c)
		for _, w := range s.windows() {
			_, _ = fmt.Fprint(stdout, row(w, counts))
		}
		_, _ = fmt.Fprintf(stderr, "%s: %s\n", s.Name, time.Since(began).Round(time.Millisecond))
	}
	return nil
}

// head is that of the table.
const head = `| | refreshes/s | look-ups/s | keys/s (peak) | 429/s | redirects/s | store/s | waited | redirected | held | failed |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
`

// window is a row of the table: a part of a scenario's time.
type window struct {
	name        string
	from, until time.Duration
}

// windows are those of a scenario.
func (s *Scenario) windows() []window {
	ends := s.Outage + s.OutageFor
	switch {
	case s.Outage > 0:
		return []window{
			{s.Name, s.Outage, ends}, {"… the minute after", ends, ends + time.Minute},
			{"… five minutes after that", ends + time.Minute, ends + 6*time.Minute},
		}
	case s.Deploy > 0:
		return []window{{s.Name, s.Deploy, s.Deploy + time.Minute}, {"… five minutes after that", s.Deploy + time.Minute, s.Deploy + 6*time.Minute}}
	}
	return []window{{s.Name, s.From, s.Until}}
}

func row(w window, c *Counts) string {
	each := func(k Kind) float64 { return c.Sum(k, w.from, w.until) / (w.until - w.from).Seconds() }
	share := func(k Kind) string {
		switch part := 100 * c.Share(k, w.from, w.until); {
		case part == 0:
			return "–"
		case part < 0.05:
			return "< 0.1 %"
		default:
			return fmt.Sprintf("%.1f %%", part)
		}
	}
	return fmt.Sprintf("| %s | %.1f | %.1f | %.1f (%.0f) | %.1f | %.0f | %.0f | %s | %s | %s | %s |\n", w.name,
		each(Refreshes), each(Lookups), each(KeyFetches), c.Peak(KeyFetches, w.from, w.until), each(Limited), each(Handshakes), each(StoreOps),
		share(Waited), share(Redirected), share(Held), share(Failed))
}
