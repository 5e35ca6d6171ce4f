package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	// userHZ is the unit of CPU times in /proc, which never changes for user space. The
	// kernel scales them to exact run times, so that they are accurate for a busy
	// process.
	userHZ = 100
	// stopTimeout is how long a process may take to end before it is killed.
	stopTimeout = 5 * time.Second
)

// process is a program on one core.
type process struct {
	cmd     *exec.Cmd
	output  *bytes.Buffer // for the error if it fails
	started time.Time
}

// start runs a program pinned to core. Its environment is PATH and env.
func start(ctx context.Context, core string, env []string, argv ...string) (*process, error) {
	cmd := exec.CommandContext(ctx, "taskset", append([]string{"-c", core}, argv...)...) //nolint:gosec // contenders are named in this package
	p := &process{cmd: cmd, output: &bytes.Buffer{}}
	cmd.Stdout, cmd.Stderr = p.output, p.output
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH")}, env...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopTimeout
	p.started = time.Now()
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", filepath.Base(argv[0]), err)
	}
	return p, nil
}

// stop ends the process and waits for it.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	timer := time.AfterFunc(stopTimeout, func() { _ = p.cmd.Process.Kill() })
	defer timer.Stop()
	_ = p.cmd.Wait() // a process may report its termination as a failure
}

// runPinned runs a program until it ends, and returns its output.
func runPinned(ctx context.Context, core string, argv ...string) ([]byte, error) {
	p, err := start(ctx, core, nil, argv...)
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Wait(); err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", filepath.Base(argv[0]), err, p.output)
	}
	return p.output.Bytes(), nil
}

// stat is the needed part of /proc/<pid>/stat.
type stat struct {
	pid, parent int
	cpu         cpu
}

// cpu is CPU time.
type cpu struct {
	all    time.Duration // user and system
	kernel time.Duration // system alone
}

// cpuTime returns the CPU time of the process and its descendants.
func (p *process) cpuTime() (cpu, error) {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return cpu{}, err
	}
	var all []stat
	for _, file := range files {
		s, err := readStat(file)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue // ended in the meantime
		} else if err != nil {
			return cpu{}, err
		}
		all = append(all, s)
	}
	root := p.cmd.Process.Pid
	if !slices.ContainsFunc(all, func(s stat) bool { return s.pid == root }) {
		return cpu{}, fmt.Errorf("the proxy has ended: %s", p.output)
	}
	var sum cpu
	for tree := []int{root}; len(tree) > 0; tree = tree[1:] {
		for _, s := range all {
			if s.pid == tree[0] {
				sum.all += s.cpu.all
				sum.kernel += s.cpu.kernel
			} else if s.parent == tree[0] {
				tree = append(tree, s.pid)
			}
		}
	}
	return sum, nil
}

func readStat(file string) (stat, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return stat{}, err
	}
	// The name in parentheses may hold anything, parentheses too (proc(5)).
	pid, _, _ := strings.Cut(string(text), " ")
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	const state, utime, stime = 3, 14, 15 // counted from 1, as in proc(5)
	if len(fields) <= stime-state {
		return stat{}, fmt.Errorf("%s has an unexpected format", file)
	}
	var n [4]int
	for i, field := range []string{pid, fields[1], fields[utime-state], fields[stime-state]} {
		if n[i], err = strconv.Atoi(field); err != nil {
			return stat{}, fmt.Errorf("%s: %w", file, err)
		}
	}
	ticks := func(n int) time.Duration { return time.Duration(n) * time.Second / userHZ }
	return stat{pid: n[0], parent: n[1], cpu: cpu{all: ticks(n[2] + n[3]), kernel: ticks(n[3])}}, nil
}

// residentKiB returns the process's resident memory.
func (p *process) residentKiB() (int, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			return strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(rest), " kB"))
		}
	}
	return 0, errors.New("no VmRSS in /proc")
}
