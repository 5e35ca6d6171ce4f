package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// warmUp is how long a contender is loaded before it is measured, so that its connections
// are open, its tokens cached, and its heap has grown.
const warmUp = time.Second

// bench is one run of the command.
type bench struct {
	options     options
	credentials *credentials
	dir         string     // of temporary files
	self        string     // this binary
	clerkgate   string     // the product's
	upstream    string     // address
	servers     []*process // of Redis
	log         io.Writer
}

// measure prints the report to stdout, and its progress to stderr.
func measure(ctx context.Context, o options, stdout, stderr io.Writer) error {
	list, err := chosen(o.only)
	if err != nil {
		return err
	}
	tools := []string{"taskset", "wrk", "haproxy", "nginx"}
	if o.instructions > 0 {
		tools = []string{"taskset", "valgrind"}
	}
	if err := needTools(tools...); err != nil {
		return err
	}
	b, err := newBench(ctx, o, stderr)
	if err != nil {
		return err
	}
	defer func() {
		for _, server := range b.servers {
			server.stop()
		}
		_ = os.RemoveAll(b.dir)
	}()
	application, err := b.startUpstream(ctx)
	if err != nil {
		return err
	}
	defer application.stop()

	if o.instructions > 0 {
		return b.countInstructions(ctx, list, stdout)
	}
	if o.profile != "" {
		return b.writeProfile(ctx, stdout)
	}
	b.warnIfBusy()
	t := newTable(list)
	for round := range o.rounds {
		for _, c := range list {
			s, err := b.round(ctx, c)
			if err != nil {
				return err
			}
			t.add(c.name, s)
			b.say("round %d  %-3s %7.1f µs  %7.0f/s", round+1, c.name, micros(s.perRequest), s.perSecond)
		}
	}
	_, _ = fmt.Fprintf(stdout, "%s\n%d rounds of %s, %s connections, %d tokens of %d bytes.\n\n%s",
		machine(ctx), o.rounds, o.duration, connections, tokens, len(b.credentials.sessions[0].token), t)
	if !o.extras {
		return nil
	}
	return b.extras(ctx, list, t.rate("c"), stdout)
}

func newBench(ctx context.Context, o options, log io.Writer) (*bench, error) {
	b := &bench{options: o, log: log}
	var err error
	if b.self, err = os.Executable(); err != nil {
		return nil, err
	}
	if b.credentials, err = newCredentials(time.Now()); err != nil {
		return nil, err
	}
	if b.dir, err = os.MkdirTemp("", "clerkgate-bench"); err != nil {
		return nil, err
	}
	if err = b.credentials.write(b.dir); err == nil {
		err = os.WriteFile(filepath.Join(b.dir, "load.lua"), []byte(loadScript), 0o600)
	}
	switch {
	case err != nil:
	case o.clerkgate != "":
		b.clerkgate, err = filepath.Abs(o.clerkgate)
	default:
		b.say("building clerkgate")
		b.clerkgate, err = buildClerkgate(ctx, b.dir)
	}
	if err != nil {
		_ = os.RemoveAll(b.dir)
		return nil, err
	}
	return b, nil
}

func (b *bench) startUpstream(ctx context.Context) (*process, error) {
	var err error
	if b.upstream, err = freeAddress(ctx); err != nil {
		return nil, err
	}
	p, err := start(ctx, loadCore, []string{"GOMAXPROCS=1"}, b.self, "upstream", b.upstream)
	if err != nil {
		return nil, err
	}
	if err := awaitListener(ctx, b.upstream); err != nil {
		p.stop()
		return nil, fmt.Errorf("the upstream does not listen: %w\n%s", err, p.output)
	}
	return p, nil
}

// round starts one contender, checks it, and loads it.
func (b *bench) round(ctx context.Context, c contender) (sample, error) {
	r, err := b.start(ctx, c)
	if err != nil {
		return sample{}, err
	}
	defer r.stop()
	if err := b.check(ctx, r); err != nil {
		return sample{}, err
	}
	if _, err := b.load(ctx, r, warmUp); err != nil {
		return sample{}, err
	}
	return b.load(ctx, r, b.options.duration)
}

func (b *bench) say(format string, args ...any) { _, _ = fmt.Fprintf(b.log, format+"\n", args...) }

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
