package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// delays are the response times of requests at a constant rate.
type delays struct {
	Requests int
	P50, P99 time.Duration
}

// runPaced sends requests at a constant rate, however long the responses take, and prints
// delays as JSON. wrk cannot do that: it waits for a response before the next request, so
// that a slow response hides the requests that should have been sent meanwhile. The
// arguments are address, requests per second, duration, header, and the file of its values.
func runPaced(ctx context.Context, args []string, stdout io.Writer) error {
	if len(args) != 5 {
		return errors.New("paced: five arguments are needed")
	}
	rate, err := strconv.ParseFloat(args[1], 64)
	if err != nil {
		return err
	}
	duration, err := time.ParseDuration(args[2])
	if err != nil {
		return err
	}
	values, err := os.ReadFile(args[4])
	if err != nil {
		return err
	}
	requests := pacedRequests(args[3], strings.Split(strings.TrimSpace(string(values)), "\n"))

	clients, err := strconv.Atoi(connections)
	if err != nil {
		return err
	}
	period := time.Duration(float64(time.Second) / rate)
	begin := time.Now().Add(50 * time.Millisecond)
	waits, failures := make([][]time.Duration, clients), make([]error, clients)
	var group sync.WaitGroup
	for i := range clients {
		group.Go(func() {
			p := pacer{first: begin.Add(time.Duration(i) * period), period: time.Duration(clients) * period, requests: requests[i:]}
			waits[i], failures[i] = p.run(ctx, args[0], begin.Add(duration))
		})
	}
	group.Wait()
	if err := errors.Join(failures...); err != nil {
		return err
	}
	all := slices.Concat(waits...)
	if len(all) == 0 {
		return errors.New("paced: nothing was sent")
	}
	slices.Sort(all)
	return json.NewEncoder(stdout).Encode(delays{len(all), all[len(all)/2], all[len(all)*99/100]})
}

func pacedRequests(name string, values []string) [][]byte {
	requests := make([][]byte, len(values))
	for i, value := range values {
		requests[i] = fmt.Appendf(nil, "GET /api/items HTTP/1.1\r\nHost: app.example.com\r\nAccept: application/json\r\n%s: %s\r\n\r\n", name, value)
	}
	return requests
}

// pacer is one connection of a load with a constant rate.
type pacer struct {
	first    time.Time
	period   time.Duration
	requests [][]byte
}

// run returns how long each request took. The time of a request that could not be sent when
// it was due, because the previous one had no response, counts from then; that of a request
// that is late because this process slept too long does not.
func (p *pacer) run(ctx context.Context, address string, end time.Time) ([]time.Duration, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(end.Add(5 * time.Second)); err != nil {
		return nil, err
	}
	in := bufio.NewReader(conn)
	var waits []time.Duration
	for n, due := 0, p.first; due.Before(end) && ctx.Err() == nil; n, due = n+1, due.Add(p.period) {
		since := due
		if wait := time.Until(due); wait > 0 {
			time.Sleep(wait)
			since = time.Now()
		}
		if _, err := conn.Write(p.requests[n%len(p.requests)]); err != nil {
			return nil, err
		}
		if err := readAnswer(in); err != nil {
			return nil, err
		}
		waits = append(waits, time.Since(since))
	}
	return waits, nil
}

// readAnswer reads one ordinary response as cheaply as possible.
func readAnswer(in *bufio.Reader) error {
	length, first := -1, true
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return err
		}
		if first && !bytes.HasPrefix(line, []byte("HTTP/1.1 "+strconv.Itoa(http.StatusOK))) {
			return fmt.Errorf("answer %q", bytes.TrimSpace(line))
		}
		first = false
		if name, value, ok := bytes.Cut(line, []byte(":")); ok && bytes.EqualFold(name, []byte("content-length")) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return err
			}
		}
		if len(line) <= 2 {
			break
		}
	}
	if length < 0 {
		return errors.New("an answer without a length")
	}
	_, err := in.Discard(length)
	return err
}
