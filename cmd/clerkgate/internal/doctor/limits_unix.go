//go:build unix

package doctor

import (
	"syscall"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

// openFiles returns how many files this process may open; 0 if that is not known.
func openFiles() uint64 {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return 0
	}
	return uint64(limit.Max) //nolint:unconvert // it is signed on some systems
}

// memoryLimit returns how much memory the container may use, in bytes; 0 without a limit.
func memoryLimit() uint64 {
	limit, err := memlimit.FromCgroup()
	if err != nil {
		return 0
	}
	return limit
}
