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
)

// probeEvery is how often a port is tried until somebody listens.
const probeEvery = 50 * time.Millisecond

// Child is a program that runs, or has run.
type Child struct {
	name  string
	cmd   *exec.Cmd
	ended chan struct{}
	code  int // once ended is closed
}

// Start starts a program, with what it takes its arguments from and where its output
// goes; nil discards output. It has no standard input. Signals of a terminal do not
// reach it by themselves.
//
// As process 1 of a container, this process is the parent of every process whose own has
// gone, and waits for those as well.
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

// Code is the exit code of a program that has ended; of one that a signal ended, 128
// and the signal's number, as shells have it.
func (c *Child) Code() int {
	<-c.ended
	return c.code
}

// Signal sends a signal to the program and those that it has started.
func (c *Child) Signal(s syscall.Signal) {
	select {
	case <-c.ended: // its number may be another's by now
	default:
		c.signal(s)
	}
}

// Stop asks the program to end, and kills it after grace, or when hurry has something.
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

// ErrEnded says that the program ended before it listened.
var ErrEnded = errors.New("it ended before it listened")

// Listening returns the address of this machine at which the program has begun to listen
// on a port. It fails when the program or ctx ends first.
func (c *Child) Listening(ctx context.Context, port string) (string, error) {
	ticker := time.NewTicker(probeEvery)
	defer ticker.Stop()
	for {
		for _, host := range []string{"127.0.0.1", "::1"} {
			if address := net.JoinHostPort(host, port); answers(ctx, address) {
				return address, nil
			}
		}
		select {
		case <-c.ended:
			return "", ErrEnded
		case <-ctx.Done():
			return "", context.Cause(ctx)
		case <-ticker.C:
		}
	}
}

func answers(ctx context.Context, address string) bool {
	conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", address)
	if err == nil {
		_ = conn.Close()
	}
	return err == nil
}

// Exposed returns an address at which other machines reach a port of this one, or "".
func Exposed(ctx context.Context, port string) string {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return "" // then nothing can be said
	}
	for _, a := range addresses {
		ip, ok := a.(*net.IPNet)
		if !ok || !ip.IP.IsGlobalUnicast() {
			continue
		}
		if address := net.JoinHostPort(ip.IP.String(), port); answers(ctx, address) {
			return address
		}
	}
	return ""
}

// FreePort is a port of the loopback interface that nobody listens on.
func FreePort(ctx context.Context) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, errors.Join(err, l.Close())
}
