package main

import (
	"context"
	"encoding/json"
	"flag"

	"github.com/clerkgate/clerkgate/internal/build"
)

func versionCommand() command {
	return command{
		name: "version", summary: "print the version",
		help: "Print the version, or the commit of a build from a checkout, with the Go release and the platform.",
		setUp: func(flags *flag.FlagSet) action {
			asJSON := flags.Bool("json", false, "print an object, for programs: version, commit, modified, go, os, arch")
			return func(_ context.Context, p process, _ []string) error {
				b := build.This()
				if *asJSON {
					return json.NewEncoder(p.stdout).Encode(b)
				}
				say(p.stdout, "clerkgate %s %s %s/%s\n", b.Version, b.Go, b.OS, b.Arch)
				return nil
			}
		},
	}
}
