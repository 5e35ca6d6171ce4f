//go:build !unix

package child

import "syscall"

func ownGroup() *syscall.SysProcAttr { return nil }

// signal kills the program, whatever the signal: this system has no others.
func (c *Child) signal(syscall.Signal) { _ = c.cmd.Process.Kill() }

func (c *Child) wait() int {
	_ = c.cmd.Wait() // its error is the exit code in words
	return c.cmd.ProcessState.ExitCode()
}
