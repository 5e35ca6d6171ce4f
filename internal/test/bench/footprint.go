package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	starts   = 10              // the result is their median
	settling = 2 * time.Second // time before memory is measured
	// spareFiles is the number of a process's open files other than connections.
	spareFiles = 100
)

// footprint is the resources of an idle clerkgate.
func (b *bench) footprint(ctx context.Context) (string, error) {
	info, err := os.Stat(b.clerkgate)
	if err != nil {
		return "", err
	}
	ready, err := medianOf(starts, func() (time.Duration, error) { return b.startUp(ctx) })
	if err != nil {
		return "", err
	}
	c := contender{name: "clerkgate", launch: launchClerkgate("off")}
	r, err := b.start(ctx, c)
	if err != nil {
		return "", err
	}
	defer r.stop()
	idle, err := settledKiB(ctx, r)
	if err != nil {
		return "", err
	}
	sockets, err := b.socketLimit(r)
	if err != nil {
		return "", err
	}
	b.say("opening %d WebSockets", sockets)
	perSocket, err := b.perSocket(ctx, r, sockets)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("| clerkgate alone | |\n|---|---:|\n| start to ready (median of %d) | %.1f ms |\n"+
		"| resident memory, idle | %.1f MiB |\n| binary, stripped | %.1f MiB |\n| an idle WebSocket (of %d) | %.1f KiB |\n",
		starts, micros(ready)/1000, float64(idle)/1024, float64(info.Size())/(1<<20), sockets, perSocket), nil
}

// startUp returns the time from the start of the process until /readyz returns 200.
func (b *bench) startUp(ctx context.Context) (time.Duration, error) {
	listen, err := freeAddress(ctx)
	if err != nil {
		return 0, err
	}
	admin, err := freeAddress(ctx)
	if err != nil {
		return 0, err
	}
	p, err := start(ctx, proxyCore, append(b.environment(listen, admin, "off"), "GOMAXPROCS=1"), b.clerkgate)
	if err != nil {
		return 0, err
	}
	defer p.stop()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Second}
	for deadline := p.started.Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(200 * time.Microsecond) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+admin+"/readyz", nil)
		if err != nil {
			return 0, err
		}
		res, err := client.Do(req)
		if err != nil {
			continue
		}
		_ = res.Body.Close()
		if res.StatusCode == http.StatusOK {
			return time.Since(p.started), nil
		}
	}
	return 0, fmt.Errorf("clerkgate did not become ready\n%s", p.output)
}

// settledKiB returns the resident memory of a process after it has settled.
func settledKiB(ctx context.Context, r *running) (int, error) {
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-time.After(settling):
	}
	return r.residentKiB()
}

// socketLimit returns how many WebSockets can be open: each needs two of the proxy's files.
func (b *bench) socketLimit(r *running) (int, error) {
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", r.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(limits)) {
		rest, ok := strings.CutPrefix(line, "Max open files")
		if !ok {
			continue
		}
		// Go programs raise their soft limit to the hard one, the second.
		fields := strings.Fields(rest)
		if len(fields) < 2 || fields[1] == "unlimited" {
			return b.options.webSockets, nil
		}
		hard, err := strconv.Atoi(fields[1])
		if err != nil {
			return 0, err
		}
		return min(b.options.webSockets, (hard-spareFiles)/2), nil
	}
	return 0, errors.New("no limit of open files in /proc")
}

// perSocket returns the memory, in KiB, of one of n idle WebSockets.
func (b *bench) perSocket(ctx context.Context, r *running, n int) (float64, error) {
	before, err := r.residentKiB()
	if err != nil {
		return 0, err
	}
	conns := make([]net.Conn, 0, n)
	defer func() {
		for _, conn := range conns {
			_ = conn.Close()
		}
	}()
	for i := range n {
		conn, err := b.openSocket(ctx, r.address, b.credentials.sessions[i%tokens].token)
		if err != nil {
			return 0, fmt.Errorf("WebSocket %d: %w", i, err)
		}
		conns = append(conns, conn)
	}
	after, err := settledKiB(ctx, r)
	if err != nil {
		return 0, err
	}
	return float64(after-before) / float64(n), nil
}

func (b *bench) openSocket(ctx context.Context, address, token string) (net.Conn, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	// The key is the sample of RFC 6455, section 1.3.
	if _, err = fmt.Fprintf(conn, "GET /socket HTTP/1.1\r\nHost: app.example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer %s\r\n\r\n", token); err == nil {
		err = readSwitch(conn)
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

func readSwitch(conn io.Reader) error {
	res, err := http.ReadResponse(bufio.NewReaderSize(conn, 512), nil)
	if err != nil {
		return err
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusSwitchingProtocols {
		return fmt.Errorf("answer %s", res.Status)
	}
	return nil
}
