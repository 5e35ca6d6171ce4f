package settings

import (
	"log/slog"
	"slices"
	"strconv"
	"strings"

	"github.com/clerkgate/clerkgate/internal/problem"
	"github.com/clerkgate/clerkgate/proxy/internal/accesslog"
)

// The audit log goes to none of the streams, or to one, unless a file is named.
const (
	AuditOff    = "off"
	AuditStderr = "stderr"
	AuditStdout = "stdout"
)

// logRows are about what is written where.
func (c *Config) logRows() []row {
	return []row{
		{
			name: "CLERKGATE_LOG_LEVEL", value: choice(&c.LogLevel, "info", []string{"debug", "info", "warn", "error"}, func(s string) (level slog.Level) {
				_ = level.UnmarshalText([]byte(s)) // the words are slog's own
				return level
			}),
			reloads: true,
			help:    "Which messages are logged; `docs/reference/logs.md` lists them. `POST /-/log-level` on the admin listener changes it until a reload.",
		},
		{
			name: EnvLogFormat, value: word(&c.LogFormat, "text", "json"),
			help: "How messages are written: for people, or as one object a line.",
		},
		{
			name: EnvAccessLog, value: optionalWord(&c.AccessLog, string(accesslog.Text), string(accesslog.JSON), string(accesslog.Common), string(accesslog.Combined), string(accesslog.ECS), string(accesslog.Off)),
			unset: "as `" + EnvLogFormat + "`",
			help:  "How the line of a request is written. `json` has names of OpenTelemetry, `ecs` those of Elastic, `common` and `combined` are those of NCSA httpd; `off` writes none. Not subject to `CLERKGATE_LOG_LEVEL`.",
		},
		{
			name: EnvAccessLogFields, value: list(&c.AccessLogFields, "names", "", readAccessLogField), unset: "those that `docs/reference/logs.md` marks",
			help: "What a line of the formats `text`, `json` and `ecs` holds, in this order.",
		},
		{
			name: EnvAccessLogSample, value: parsed(&c.AccessLogSample, "number", "", isZero, readShare), unset: "all",
			help: "The share of successful requests that is logged, such as `0.01`. Refusals, failures and clients that left are always logged.",
		},
		{
			name: "CLERKGATE_ACCESS_LOG_TO", value: word(&c.AccessLogTo, "stderr", "stdout"),
			help: "Where these lines go: to the log, or to standard output, where nothing else is written but what listens where at the start.",
		},
		{
			name: EnvAuditLog, value: text(&c.AuditLog, "file, `stderr`, `stdout` or `off`", AuditOff),
			help: "Where refusals by policy, revocations, sign-outs, reloads and what operators did are recorded, in a chain of lines in which a gap or a change shows. `clerkgate audit verify` checks it.",
		},
		{
			name: "CLERKGATE_PPROF", value: boolean(&c.Profiles),
			help: "`true`: the admin listener has Go's profiles at `/debug/pprof/`, for `go tool pprof`.",
		},
	}
}

func readAccessLogField(s string) (string, error) {
	names := accesslog.Names()
	if slices.Contains(names, s) {
		return s, nil
	}
	want := "names of " + strings.Join(names, ", ")
	if near := problem.Nearest(s, names); near != "" {
		want = near + ", or other " + want
	}
	return "", expected(s, want)
}

func readShare(s string) (float64, error) {
	share, err := strconv.ParseFloat(s, 64)
	if err != nil || !(share > 0 && share <= 1) {
		return 0, expected(s, "a share above 0 and up to 1, such as 0.01 for one request of a hundred")
	}
	return share, nil
}

// logs finds variables about the access log that have no effect together.
func (l *loader) logs() {
	format := accesslog.Format(l.cfg.AccessLog)
	for _, name := range []string{EnvAccessLogFields, EnvAccessLogSample} {
		switch {
		case !l.given(name) || l.failed(name):
		case format == accesslog.Off:
			l.problem(name, "a value, while "+EnvAccessLog+"=off writes no lines", "nothing, or another "+EnvAccessLog)
		case name == EnvAccessLogFields && format != "" && !format.HasFields():
			l.problem(name, "names, while "+EnvAccessLog+"="+string(format)+" has fields of its own", "nothing, or text, json or ecs in "+EnvAccessLog)
		}
	}
}
