//go:build unix

package child

import (
	"errors"
	"os"
	"syscall"
)

// ownGroup keeps a terminal's Ctrl-C from the child, which must not end before the
// requests in flight do.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

func (c *Child) signal(s syscall.Signal) {
	_ = syscall.Kill(-c.cmd.Process.Pid, s) // it fails if they have ended
}

// wait returns the exit code.
func (c *Child) wait() int {
	if os.Getpid() == 1 {
		return c.reap()
	}
	_ = c.cmd.Wait() // its error is the exit code in words
	status, _ := c.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return codeOf(status)
}

// reap waits for every child of this process until c has ended.
func (c *Child) reap() int {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			return 1 // there is no such child, which cannot be
		case pid == c.cmd.Process.Pid:
			return codeOf(status)
		}
	}
}

func codeOf(status syscall.WaitStatus) int {
	if status.Signaled() {
		return 128 + int(status.Signal())
	}
	return status.ExitStatus()
}
