package main

import (
	"context"
	"encoding/json"
	"flag"
	"runtime"
	"runtime/debug"
)

func versionCommand() command {
	return command{
		name: "version", summary: "print the version",
		help: "Print the version, or the commit of a build from a checkout, with the Go release and the platform.",
		setUp: func(flags *flag.FlagSet) action {
			asJSON := flags.Bool("json", false, "print an object, for programs: version, commit, modified, go, os, arch")
			return func(_ context.Context, p process, _ []string) error {
				b := thisBuild()
				if *asJSON {
					return json.NewEncoder(p.stdout).Encode(b)
				}
				say(p.stdout, "clerkgate %s %s %s/%s\n", b.Version, b.Go, b.OS, b.Arch)
				return nil
			}
		},
	}
}

// build describes the binary.
type build struct {
	// Version is a module version, or "(devel …)" with the commit.
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
	// Modified says that the checkout had uncommitted changes.
	Modified bool   `json:"modified,omitempty"`
	Go       string `json:"go"`
	OS       string `json:"os"`
	Arch     string `json:"arch"`
}

func thisBuild() build {
	b := build{Version: "(unknown version)", Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
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
