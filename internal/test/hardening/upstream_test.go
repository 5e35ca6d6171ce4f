package hardening

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// field is a header as it was sent.
type field struct{ Name, Value string }

// request is a request that an upstream received, unaltered.
type request struct {
	Method, Target string
	Header         []field
	Trailer        []field
	Body           string
}

// get returns all values of a header, in whatever case it was spelled.
func (r request) get(name string) (values []string) {
	for _, f := range r.Header {
		if strings.EqualFold(f.Name, name) {
			values = append(values, f.Value)
		}
	}
	return values
}

// one returns the only value of a header; "" without one.
func (r request) one(t testing.TB, name string) string {
	t.Helper()
	values := r.get(name)
	require.LessOrEqual(t, len(values), 1, "%s: %q", name, values)
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// upstream is a server that follows RFC 9112 strictly: a message that two servers could
// read differently fails the test. Whatever reaches it without a failure is exactly one
// request to every server.
type upstream struct {
	net.Listener
	t      testing.TB
	answer func(request) string // the raw response; nil echoes the request in JSON

	mu       sync.Mutex
	requests []request
	conns    map[net.Conn]bool
	closed   bool
	serving  sync.WaitGroup
}

func startUpstream(t testing.TB, l net.Listener, answer func(request) string) *upstream {
	u := &upstream{Listener: l, t: t, answer: answer, conns: make(map[net.Conn]bool)}
	u.serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			u.serving.Go(func() { u.serve(conn) })
		}
	})
	t.Cleanup(u.stop)
	return u
}

func (u *upstream) stop() {
	_ = u.Close()
	u.mu.Lock()
	u.closed = true
	for conn := range u.conns {
		_ = conn.Close()
	}
	u.mu.Unlock()
	u.serving.Wait()
}

func (u *upstream) serve(conn net.Conn) {
	u.mu.Lock()
	u.conns[conn] = true
	closed := u.closed
	u.mu.Unlock()
	defer func() {
		_ = conn.Close()
		u.mu.Lock()
		defer u.mu.Unlock()
		delete(u.conns, conn)
	}()
	if closed {
		return
	}
	for r := bufio.NewReader(conn); ; {
		got, err := readStrictly(r)
		var wrong protocolError
		if errors.As(err, &wrong) {
			u.t.Errorf("the upstream got a message that can be read in two ways: %v", err)
		}
		if err != nil {
			return
		}
		u.mu.Lock()
		u.requests = append(u.requests, got)
		u.mu.Unlock()
		said := u.say(got)
		if _, err := io.WriteString(conn, said); err != nil || strings.Contains(said, "\r\nConnection: close\r\n") {
			return
		}
	}
}

func (u *upstream) say(r request) string {
	if u.answer != nil {
		return u.answer(r)
	}
	body, err := json.Marshal(r)
	if err != nil {
		u.t.Error(err)
	}
	if r.Method == http.MethodHead {
		return "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
	}
	return plain(string(body))
}

// plain returns a response with a body.
func plain(body string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// take returns the requests since the last call.
func (u *upstream) take() []request {
	u.mu.Lock()
	defer u.mu.Unlock()
	got := u.requests
	u.requests = nil
	return got
}

// only returns the only request since the last call.
func (u *upstream) only(t testing.TB) request {
	t.Helper()
	got := u.take()
	require.Len(t, got, 1)
	return got[0]
}

// protocolError is a violation of the protocol.
type protocolError string

func (e protocolError) Error() string { return string(e) }

func bad(format string, args ...any) error { return protocolError(fmt.Sprintf(format, args...)) }

func readStrictly(r *bufio.Reader) (got request, err error) {
	line, err := strictLine(r)
	if err != nil {
		return got, err
	}
	parts := strings.Split(line, " ")
	if len(parts) != 3 || parts[2] != "HTTP/1.1" || !isToken(parts[0]) || parts[1] == "" {
		return got, bad("request line %q", line)
	}
	got.Method, got.Target = parts[0], parts[1]
	if strings.ContainsFunc(got.Target, func(c rune) bool { return c <= ' ' || c == 0x7f || c == '#' }) {
		return got, bad("target %q", got.Target)
	}
	if got.Header, err = strictFields(r); err != nil {
		return got, err
	}
	if hosts := got.get("Host"); len(hosts) != 1 {
		return got, bad("%d Host headers", len(hosts))
	}
	lengths, codings := got.get("Content-Length"), got.get("Transfer-Encoding")
	switch {
	case len(lengths) > 0 && len(codings) > 0 || len(lengths) > 1 || len(codings) > 1:
		return got, bad("framing: length %q, coding %q", lengths, codings)
	case len(codings) == 1:
		if codings[0] != "chunked" {
			return got, bad("transfer coding %q", codings[0])
		}
		return got, readChunks(r, &got)
	case len(lengths) == 1:
		n, err := strconv.ParseUint(lengths[0], 10, 31)
		if err != nil || lengths[0] != strconv.FormatUint(n, 10) {
			return got, bad("content length %q", lengths[0])
		}
		body := make([]byte, n)
		_, err = io.ReadFull(r, body)
		got.Body = string(body)
		return got, err
	}
	return got, nil
}

func readChunks(r *bufio.Reader, got *request) error {
	for {
		line, err := strictLine(r)
		if err != nil {
			return err
		}
		n, err := strconv.ParseUint(line, 16, 31)
		if err != nil {
			return bad("chunk size %q", line)
		}
		if n == 0 {
			got.Trailer, err = strictFields(r)
			return err
		}
		chunk := make([]byte, n+2)
		if _, err := io.ReadFull(r, chunk); err != nil {
			return err
		}
		if string(chunk[n:]) != "\r\n" {
			return bad("chunk ends in %q", chunk[n:])
		}
		got.Body += string(chunk[:n])
	}
}

func strictFields(r *bufio.Reader) (fields []field, err error) {
	for {
		line, err := strictLine(r)
		if line == "" || err != nil {
			return fields, err
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok || !isToken(name) || strings.ContainsFunc(value, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }) {
			return nil, bad("header line %q", line)
		}
		fields = append(fields, field{name, strings.Trim(value, " \t")})
	}
}

// strictLine reads a line that ends with CR LF and has neither elsewhere.
func strictLine(r *bufio.Reader) (string, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return "", err
	}
	text, ok := strings.CutSuffix(line, "\r\n")
	if !ok || strings.ContainsAny(text, "\r\x00") {
		return "", bad("line %q", line)
	}
	return text, nil
}

func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(c rune) bool {
		return c <= ' ' || c >= 0x7f || slices.Contains([]rune(`"(),/:;<=>?@[\]{}`), c)
	})
}
