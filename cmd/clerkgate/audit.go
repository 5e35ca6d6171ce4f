package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"

	"github.com/clerkgate/clerkgate/internal/auditlog"
	"github.com/clerkgate/clerkgate/internal/problem"
)

func auditCommand() command {
	return command{
		name: "audit", args: "verify FILE...", summary: "check audit logs: whether lines are missing or were changed",
		help: `
Check the files of an audit log (CLERKGATE_AUDIT_LOG), those that were rotated away first:

  clerkgate audit verify audit.log.1 audit.log

Each line names its number and the SHA-256 of the line before. What does not fit is printed with its file and line, and
the exit code is 1. What was cut off at the end cannot be seen in the files: compare the last number and hash, which are
printed, with a copy that is kept elsewhere. The exit code is 2 if a file cannot be read.`,
		setUp: func(*flag.FlagSet) action {
			return func(_ context.Context, p process, args []string) error {
				if len(args) < 2 || args[0] != "verify" {
					return auditCommand().misused(errors.New("audit needs verify and the names of files"))
				}
				return verifyAudit(p, args[1:])
			}
		},
	}
}

func verifyAudit(p process, files []string) error {
	var v auditlog.Verifier
	for _, name := range files {
		if err := verifyFile(&v, name); err != nil {
			return mistaken("", err)
		}
	}
	for _, found := range v.Problems {
		say(p.stdout, "%s\n", found)
	}
	if v.Lost > 0 {
		say(p.stdout, "%d events could not be written, by the log's own account\n", v.Lost)
	}
	if len(v.Problems) > 0 {
		return &exited{code: exitFailure, text: counted(len(v.Problems), "problem") + " in " + counted(v.Lines, "line")}
	}
	say(p.stdout, "%s, the last with number %d and hash %s: nothing is missing or changed\n", counted(v.Lines, "line"), v.Seq, v.Hash)
	return nil
}

func verifyFile(v *auditlog.Verifier, name string) error {
	f, err := os.Open(name) //nolint:gosec // the user names it
	if err != nil {
		return fmt.Errorf("open %s: %w", problem.Quote(name), err)
	}
	defer func() { _ = f.Close() }()
	return v.Verify(name, f)
}
