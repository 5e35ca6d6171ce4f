//go:build linux

package chaos

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// Headers of a request that only the application reads.
const (
	// idHeader tells requests apart, so that one that comes twice is seen.
	idHeader = "X-Request-Number"
	// raceHeader asks the application to end the connection in place of an answer,
	// unless the connection is new: it is what a proxy sees when the application
	// closed a moment before the request arrived.
	raceHeader = "X-Meet-The-Close"
)

// app is an application on a TCP port, at the script's command.
type app struct {
	t       testing.TB
	address string // host:port
	// hint is sent with every answer: a header line, or nothing.
	hint string

	mu       sync.Mutex
	listener net.Listener
	kept     map[*appConn]bool
	received map[string]int // by the number of the request
}

// appConn is a connection from the proxy.
type appConn struct {
	*net.TCPConn
	answered int
	expired  bool // guarded by app.mu: what comes now is reset
}

// newApp starts an application; hint is "" or a header line without its end.
func newApp(t testing.TB, hint string) *app {
	t.Helper()
	a := &app{t: t, address: ownLoopback() + ":0", hint: hint, kept: make(map[*appConn]bool), received: make(map[string]int)}
	require.NoError(t, a.open())
	a.address = a.listener.Addr().String()
	t.Cleanup(a.stop)
	return a
}

// ownLoopback is an address on which nobody else is likely to be. An application that
// closes its listener would otherwise find its port taken now and then, by a
// connection of whatever else runs here.
func ownLoopback() string {
	return fmt.Sprintf("127.%d.%d.%d", 64+rand.IntN(128), rand.IntN(256), 1+rand.IntN(254))
}

// open listens, at first or again.
func (a *app) open() error {
	l, err := net.Listen("tcp", a.address)
	if err != nil {
		return err
	}
	a.mu.Lock()
	a.listener = l
	a.mu.Unlock()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			tcp, _ := conn.(*net.TCPConn)
			c := &appConn{TCPConn: tcp}
			a.mu.Lock()
			a.kept[c] = true
			a.mu.Unlock()
			go a.serve(c)
		}
	}()
	return nil
}

// stop closes the listener and every connection, as a process does that ends.
func (a *app) stop() {
	a.mu.Lock()
	_ = a.listener.Close()
	a.mu.Unlock()
	a.closeKept(1)
}

// closeKept closes about this share of the connections, and returns when their ends
// have arrived at the proxy's system. The script calls it while no request is on its
// way.
func (a *app) closeKept(share float64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var ending []*net.TCPConn
	for c := range a.kept {
		if rand.Float64() < share {
			delete(a.kept, c)
			ending = append(ending, c.TCPConn)
		}
	}
	endAndWait(ending)
}

// expire makes the application reset whatever comes on the connections that it has.
func (a *app) expire() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for c := range a.kept {
		c.expired = true
	}
}

// twice counts requests other than GET that came more than once.
func (a *app) twice() (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for number, times := range a.received {
		if times > 1 && methodOf(number) != http.MethodGet {
			n++
		}
	}
	return n
}

func (a *app) serve(c *appConn) {
	defer func() {
		a.mu.Lock()
		delete(a.kept, c)
		a.mu.Unlock()
		_ = c.Close()
	}()
	for reader := bufio.NewReader(c); ; c.answered++ {
		r, err := http.ReadRequest(reader)
		if err != nil {
			return
		}
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		a.mu.Lock()
		a.received[r.Header.Get(idHeader)]++
		expired := c.expired
		a.mu.Unlock()
		if expired || c.answered > 0 && r.Header.Get(raceHeader) != "" {
			_ = c.SetLinger(0) // a reset, not an end
			return
		}
		if _, err := io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"+a.hint+"\r\nok"); err != nil {
			return
		}
	}
}
