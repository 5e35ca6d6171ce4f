package main

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"time"
)

// writeProfile profiles clerkgate under load and prints where its time goes.
func (b *bench) writeProfile(ctx context.Context, stdout io.Writer) error {
	file := b.options.profile
	profiled := contender{name: "clerkgate", refuses: true, identifies: true,
		launch: func(b *bench, listen string) (env, argv []string, err error) {
			return b.environment(listen, "127.0.0.1:0", "off"), []string{b.self, "profiled", file}, nil
		}}
	r, err := b.start(ctx, profiled)
	if err != nil {
		return err
	}
	s, err := b.profiledLoad(ctx, r)
	r.stop()
	if err != nil {
		return err
	}
	top, err := exec.CommandContext(ctx, "go", "tool", "pprof", "-top", "-nodecount=20", b.self, file).CombinedOutput() //nolint:gosec // our own profile
	if err != nil {
		return fmt.Errorf("read the profile: %w\n%s", err, top)
	}
	_, err = fmt.Fprintf(stdout, "%s\n%.1f µs of CPU a request, profiling included; the profile is in %s.\n\n%s",
		machine(ctx), micros(s.perRequest), file, top)
	return err
}

func (b *bench) profiledLoad(ctx context.Context, r *running) (sample, error) {
	if err := b.check(ctx, r); err != nil {
		return sample{}, err
	}
	return b.load(ctx, r, max(b.options.duration, 8*time.Second))
}
