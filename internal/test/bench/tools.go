package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// Cores: the proxy has its own, and the load and the upstream share the other.
const (
	loadCore  = "0"
	proxyCore = "1"
)

// needTools returns an error that says which tools are missing and how to install them.
func needTools(names ...string) error {
	if runtime.GOOS != "linux" {
		return errors.New("CPU times are read from /proc, which only Linux has")
	}
	if runtime.NumCPU() < 2 {
		return errors.New("two cores are needed, one for the proxy and one for its load")
	}
	packages := map[string]string{"taskset": "util-linux", "nginx": "nginx-light"}
	var missing, install []string
	for _, name := range names {
		if _, err := exec.LookPath(name); err == nil {
			continue
		}
		missing = append(missing, name)
		if pkg, ok := packages[name]; ok {
			name = pkg
		}
		install = append(install, name)
	}
	if len(missing) > 0 {
		return fmt.Errorf("%s not found; on Debian: apt-get install --no-install-recommends %s",
			strings.Join(missing, ", "), strings.Join(install, " "))
	}
	return nil
}

// buildClerkgate builds the binary as for a release.
func buildClerkgate(ctx context.Context, dir string) (string, error) {
	binary := filepath.Join(dir, "clerkgate")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", binary, "github.com/clerkgate/clerkgate/cmd/clerkgate")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build clerkgate: %w\n%s", err, out)
	}
	return binary, nil
}

// machine describes the machine on one line.
func machine(ctx context.Context) string {
	parts := []string{fmt.Sprintf("%s, %d cores", cpuModel(), runtime.NumCPU()), runtime.Version()}
	for _, version := range [][]string{{"uname", "-sr"}, {"haproxy", "-v"}, {"nginx", "-v"}, {"wrk", "-v"}} {
		// wrk exits with a failure after printing its version.
		out, _ := exec.CommandContext(ctx, version[0], version[1]).CombinedOutput()
		line, _, _ := strings.Cut(string(out), "\n")
		line, _, _ = strings.Cut(line, " https://")
		line, _, _ = strings.Cut(line, " Copyright")
		if line = strings.TrimSpace(line); line != "" {
			parts = append(parts, line)
		}
	}
	return strings.Join(parts, "; ")
}

// warnIfBusy warns if the machine is busy, because the figures are then less accurate.
func (b *bench) warnIfBusy() {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return
	}
	first, _, _ := strings.Cut(string(text), " ")
	if load, err := strconv.ParseFloat(first, 64); err == nil && load > 0.5 {
		b.say("the machine is busy with something else (load %s): trust ratios alone, and little", first)
	}
}

func cpuModel() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown processor"
	}
	for line := range strings.Lines(string(info)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown processor"
}
