package main

import (
	"io"
	"runtime"
	"runtime/debug"
)

// version is what the build knows of itself: a module version, or the commit.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(unknown version)"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			return "(devel " + setting.Value[:min(12, len(setting.Value))] + ")"
		}
	}
	return "(devel)"
}

func runVersion(stdout io.Writer) int {
	say(stdout, "clerkgate %s %s %s/%s\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return exitOK
}
