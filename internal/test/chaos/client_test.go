//go:build linux

package chaos

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// patience is when an answer counts as lost. It is long, because nobody waits for it
// when all is well.
const patience = time.Minute

// crowd is a number of clients that use a proxy at the same time, each on a
// connection of its own that it keeps.
type crowd struct {
	address string
	// header is sent with each request: lines with their ends.
	header  string
	clients []*client

	sent, failed atomic.Int64
}

func newCrowd(n int, address, header string, patience time.Duration) *crowd {
	c := &crowd{address: address, header: header}
	for range n {
		c.clients = append(c.clients, &client{address: address, patience: patience})
	}
	return c
}

// load has each client send n requests, one after the other. A client that waited for
// an answer in vain gives up: all the rest of its requests fail.
func (c *crowd) load(n int) { c.each(n, "", func() {}) }

// volley has each client send one request. written is called as each has been
// written, before the answer is read.
func (c *crowd) volley(written func()) { c.each(1, "", written) }

// meetTheClose has each client send one request that the application does not answer,
// but meets with a reset.
func (c *crowd) meetTheClose() { c.each(1, raceHeader+": 1\r\n", func() {}) }

func (c *crowd) each(n int, header string, written func()) {
	var all sync.WaitGroup
	for _, cl := range c.clients {
		all.Go(func() {
			for range n {
				number := c.sent.Add(1)
				if !cl.do(number, c.header+header, written) {
					c.failed.Add(1)
				}
			}
		})
	}
	all.Wait()
}

// result is what was counted up to now.
func (c *crowd) result() result { return result{requests: c.sent.Load(), failed: c.failed.Load()} }

func (c *crowd) close() {
	for _, cl := range c.clients {
		cl.hangUp()
	}
}

// client is one connection to a proxy. It repeats nothing: what browsers do so that
// nobody sees a lost GET is not to the proxy's credit.
type client struct {
	address  string
	patience time.Duration
	conn     net.Conn
	reader   *bufio.Reader
	gone     bool // waited in vain
}

// methods take turns.
var methods = [...]string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete}

// methodOf is the method of a request by its number, as in idHeader.
func methodOf(number string) string {
	n, _ := strconv.Atoi(number)
	return methods[n%len(methods)]
}

// do sends a request and says whether it was answered with 200.
func (c *client) do(number int64, header string, written func()) bool {
	if !c.connect() {
		written()
		return false
	}
	_ = c.conn.SetDeadline(time.Now().Add(c.patience))
	method := methodOf(strconv.FormatInt(number, 10))
	body := ""
	if method == http.MethodPost || method == http.MethodPut {
		body = "a=1&b=22&c=333"
	}
	_, err := fmt.Fprintf(c.conn, "%s /%s HTTP/1.1\r\nHost: app.example.com\r\n%s: %d\r\n%sContent-Length: %d\r\n\r\n%s",
		method, strings.Repeat("x", 100), idHeader, number, header, len(body), body)
	written()
	var status int
	keep := false
	if err == nil {
		status, keep, err = c.answer(method)
	}
	if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
		c.gone = true
	}
	if err != nil || !keep {
		c.hangUp()
	}
	return err == nil && status == http.StatusOK
}

// connect makes the connection unless there is one.
func (c *client) connect() bool {
	if c.gone || c.conn != nil {
		return !c.gone
	}
	conn, err := net.Dial("tcp", c.address)
	if err != nil {
		return false
	}
	c.conn, c.reader = conn, bufio.NewReader(conn)
	return true
}

func (c *client) answer(method string) (status int, keep bool, err error) {
	res, err := http.ReadResponse(c.reader, &http.Request{Method: method})
	if err != nil {
		return 0, false, err
	}
	_, err = io.Copy(io.Discard, res.Body)
	return res.StatusCode, !res.Close, err
}

func (c *client) hangUp() {
	if c.conn != nil {
		_ = c.conn.Close()
		c.conn = nil
	}
}
