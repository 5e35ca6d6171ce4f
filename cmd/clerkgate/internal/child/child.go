// Package child runs a program as a child of this process: the application of a
// container that has one command.
package child

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/clerkgate/clerkgate/internal/reach"
)

// Child is a program that runs, or has run.
type Child struct {
	name  string
	cmd   *exec.Cmd
	ended chan struct{}
	code  int // once ended is closed
}

// Start starts a program with an environment and its output; nil discards output. The
// program has no standard input, and does not get the signals of a terminal.
//
// If this process is process 1 of a container, it is the parent of every orphaned
// process, and waits for those as well.
func Start(command, environ []string, stdout, stderr *os.File) (*Child, error) {
	path, err := exec.LookPath(command[0])
	if err != nil {
		return nil, err
	}
	c := &Child{name: strings.Join(command, " "), ended: make(chan struct{})}
	c.cmd = &exec.Cmd{Path: path, Args: command, Env: environ, SysProcAttr: ownGroup()}
	// An interface that holds a nil *os.File is not nil.
	if stdout != nil {
		c.cmd.Stdout = stdout
	}
	if stderr != nil {
		c.cmd.Stderr = stderr
	}
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the application: %w", err)
	}
	go func() {
		c.code = c.wait()
		close(c.ended)
	}()
	return c, nil
}

// Ended is closed when the program has ended.
func (c *Child) Ended() <-chan struct{} { return c.ended }

// Code waits for the end of the program and returns its exit code, or 128 plus the
// number of the signal that ended it, as shells do.
func (c *Child) Code() int {
	<-c.ended
	return c.code
}

// Signal sends a signal to the program and its children.
func (c *Child) Signal(s syscall.Signal) {
	select {
	case <-c.ended: // another process may have its ID by now
	default:
		c.signal(s)
	}
}

// Stop sends SIGTERM, and kills the program after grace, or when hurry gets a value. It
// returns when the program has ended.
func (c *Child) Stop(grace time.Duration, hurry <-chan os.Signal) {
	c.Signal(syscall.SIGTERM)
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-c.ended:
		return
	case <-timer.C:
	case <-hurry:
	}
	c.Signal(syscall.SIGKILL)
	<-c.ended
}

// ErrEnded is the error of [Child.Listening] if the program has ended.
var ErrEnded = errors.New("the program ended before it listened")

// Listening waits until something listens on a port of the loopback interface, and
// returns its address. It fails if the program or ctx ends first.
func (c *Child) Listening(ctx context.Context, port string) (string, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-c.ended:
			cancel(ErrEnded)
		case <-ctx.Done():
		}
	}()
	var at reach.Address
	err := reach.Poll(ctx, func() bool {
		for _, host := range []string{"127.0.0.1", "::1"} {
			if at = tcp(host, port); at.Accepts(ctx) {
				return true
			}
		}
		return false
	})
	return at.Address, err
}

func tcp(host, port string) reach.Address {
	return reach.Address{Network: "tcp", Address: net.JoinHostPort(host, port)}
}

// Exposed returns an address beyond the loopback interface at which something listens on
// a port, or "".
func Exposed(ctx context.Context, port string) string {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return "" // unknown
	}
	for _, a := range addresses {
		ip, ok := a.(*net.IPNet)
		if !ok || !ip.IP.IsGlobalUnicast() {
			continue
		}
		if at := tcp(ip.IP.String(), port); at.Accepts(ctx) {
			return at.Address
		}
	}
	return ""
}

// FreePort returns a port of the loopback interface that is not in use.
func FreePort(ctx context.Context) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, errors.Join(err, l.Close())
}
