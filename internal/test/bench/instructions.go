package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	// countedTokens is the number of sessions whose requests are counted. Each is used
	// once before, so that the figures do not include signatures.
	countedTokens = 50
	// underValgrind turns off the signals with which Go's runtime preempts goroutines.
	underValgrind = "asyncpreemptoff=1"
	// slowStop is how long a process may take to end under valgrind.
	slowStop = time.Minute
)

// countInstructions prints the instructions per request of each contender, as counted by
// valgrind: only those in user space, whatever else the machine does, and also on machines
// that do not allow access to the processor's counters. Two runs serve n and 2n requests on
// one connection; their difference is n requests, without startup, verification and end.
func (b *bench) countInstructions(ctx context.Context, list []contender, stdout io.Writer) error {
	n := b.options.instructions
	_, _ = fmt.Fprintf(stdout, "%s\nUser-space instructions by valgrind, %d requests on one connection, %d tokens of %d bytes.\n\n"+
		"| | contender | thousand instructions/request | of e |\n|---|---|---:|---:|\n",
		machine(ctx), n, countedTokens, len(b.credentials.sessions[0].token))
	var bare float64
	for _, c := range list {
		once, err := b.countRun(ctx, c, n)
		if err != nil {
			return err
		}
		twice, err := b.countRun(ctx, c, 2*n)
		if err != nil {
			return err
		}
		each := float64(twice-once) / float64(n)
		if c.name == "e" {
			bare = each
		}
		share := "–"
		if bare > 0 {
			share = fmt.Sprintf("%.2f", each/bare)
		}
		_, _ = fmt.Fprintf(stdout, "| %s | %s | %.1f | %s |\n", c.name, c.what, each/1000, share)
	}
	return nil
}

var counted = regexp.MustCompile(`I\s+refs:\s+([\d,]+)`)

// countRun starts a contender under valgrind, sends it requests, and returns the
// instructions of its whole life.
func (b *bench) countRun(ctx context.Context, c contender, requests int) (int64, error) {
	address, err := freeAddress(ctx)
	if err != nil {
		return 0, err
	}
	env, argv, err := c.launch(b, address)
	if err != nil {
		return 0, err
	}
	if argv[0], err = b.copyForValgrind(argv[0]); err != nil {
		return 0, err
	}
	argv = append([]string{"valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=" + filepath.Join(b.dir, "cachegrind")}, argv...)
	env = append(env, "GOMAXPROCS=1", "GODEBUG="+underValgrind)
	if !b.options.collect {
		env = append(env, "GOGC=off")
	}
	p, err := start(ctx, proxyCore, env, argv...)
	if err != nil {
		return 0, err
	}
	err = awaitListener(ctx, address)
	if err == nil && c.settle != nil {
		err = c.settle(ctx, b, address)
	}
	if err == nil {
		err = b.sendInTurn(ctx, c, address, requests)
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	late := time.AfterFunc(slowStop, func() { _ = p.cmd.Process.Kill() })
	_ = p.cmd.Wait()
	late.Stop()
	if err != nil {
		return 0, fmt.Errorf("%s under valgrind: %w\n%s", c.name, err, p.output)
	}
	total := counted.FindSubmatch(p.output.Bytes())
	if total == nil {
		return 0, fmt.Errorf("valgrind counted nothing of %s:\n%s", c.name, p.output)
	}
	return strconv.ParseInt(strings.ReplaceAll(string(total[1]), ",", ""), 10, 64)
}

// copyForValgrind copies a Go program and replaces its only RDTSCP, with which the runtime
// measures the time spent waiting for locks, with RDTSC and NOP: the same clock, with an
// instruction that every valgrind supports.
func (b *bench) copyForValgrind(file string) (string, error) {
	program, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	const shiftAndAdd = "\x48\xc1\xe2\x20\x48\x01\xd0" // the halves make one number
	program = bytes.ReplaceAll(program, []byte("\x0f\x01\xf9"+shiftAndAdd), []byte("\x0f\x31\x90"+shiftAndAdd))
	changed := filepath.Join(b.dir, "for-valgrind")
	if err := os.Remove(changed); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	return changed, os.WriteFile(changed, program, 0o700) //nolint:gosec // a program, for its owner
}

// sendInTurn sends requests one after another on one connection: first one with each
// token, then those that are counted.
func (b *bench) sendInTurn(ctx context.Context, c contender, address string, requests int) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	in := bufio.NewReader(conn)
	for i := range countedTokens + requests {
		token := b.credentials.sessions[i%countedTokens].token
		value := "Bearer " + token
		if c.cookie {
			value = cookieHeader(token, b.credentials.issued)
		}
		if _, err := fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: app.example.com\r\n%s: %s\r\n\r\n", c.header(), value); err != nil {
			return err
		}
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			return err
		}
		if _, err = io.Copy(io.Discard, res.Body); err != nil {
			return err
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusOK {
			return fmt.Errorf("answered a live token with %d", res.StatusCode)
		}
	}
	return nil
}
