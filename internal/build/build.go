// Package build says which clerkgate a binary is.
package build

import (
	"runtime"
	"runtime/debug"
)

// Info describes the binary.
type Info struct {
	// Version is a module version, or "(devel …)" with the commit.
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
	// Modified says that the checkout had uncommitted changes.
	Modified bool   `json:"modified,omitempty"`
	Go       string `json:"go"`
	OS       string `json:"os"`
	Arch     string `json:"arch"`
}

// This returns the Info of the running binary.
func This() Info {
	b := Info{Version: "(unknown version)", Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			b.Commit = setting.Value
		case "vcs.modified":
			b.Modified = setting.Value == "true"
		}
	}
	switch {
	case info.Main.Version != "" && info.Main.Version != "(devel)":
		b.Version = info.Main.Version
	case b.Commit != "":
		b.Version = "(devel " + b.Commit[:min(12, len(b.Commit))] + ")"
	default:
		b.Version = "(devel)"
	}
	return b
}
