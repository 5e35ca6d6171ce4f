package demo

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
)

// decisionLog writes log records for people: one line per request, beginning with the
// decision. It is a [slog.Handler]; records below the level info are left out.
type decisionLog struct {
	out  *output
	name func(userID string) string
	// forClerk is called for requests that were passed on to Clerk.
	forClerk func(method, path string, status int)

	attrs []slog.Attr
	group string
}

// output keeps lines whole.
type output struct {
	mu sync.Mutex
	w  io.Writer
}

var _ slog.Handler = (*decisionLog)(nil)

// newDecisionLog returns a handler that shows users by the names that name returns.
func newDecisionLog(w io.Writer, name func(userID string) string, forClerk func(method, path string, status int)) *decisionLog {
	return &decisionLog{out: &output{w: w}, name: name, forClerk: forClerk}
}

func (l *decisionLog) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelInfo
}

func (l *decisionLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := *l
	with.attrs = slices.Clone(l.attrs)
	for _, a := range attrs {
		a.Key = l.group + a.Key
		with.attrs = append(with.attrs, a)
	}
	return &with
}

func (l *decisionLog) WithGroup(name string) slog.Handler {
	with := *l
	if name != "" {
		with.group += name + "."
	}
	return &with
}

func (l *decisionLog) Handle(_ context.Context, record slog.Record) error {
	facts := slices.Clone(l.attrs)
	record.Attrs(func(a slog.Attr) bool {
		a.Key = l.group + a.Key
		facts = append(facts, a)
		return true
	})
	var line strings.Builder
	line.WriteString(record.Time.Format(time.TimeOnly) + "  ")
	if record.Message == "request" {
		l.request(&line, facts)
	} else {
		l.remark(&line, record, facts)
	}
	printable := strings.Map(printable, strings.TrimRight(line.String(), " "))

	l.out.mu.Lock()
	defer l.out.mu.Unlock()
	_, err := io.WriteString(l.out.w, printable+"\n")
	return err
}

// request formats a record of package proxy's access log in columns:
//
//	15:04:05  signed-in   200  GET   /         jane@example.com, token refreshed  (1.2ms)
func (l *decisionLog) request(line *strings.Builder, facts []slog.Attr) {
	values := make(map[string]string, len(facts))
	for _, a := range facts {
		values[a.Key] = a.Value.Resolve().String()
	}
	decision := values["decision"]
	if decision == "" {
		decision = "not judged"
		if strings.HasPrefix(values["path"], proxyPath+"/") {
			decision = string(forClerk)
			status, _ := strconv.Atoi(values["status"])
			l.forClerk(values["method"], values["path"], status)
		}
	}
	var what []string
	if id := values["user_id"]; id != "" {
		what = append(what, l.name(id))
	}
	if values["refreshed"] == "true" {
		what = append(what, "token refreshed")
	}
	for _, key := range []string{"reason", "error"} {
		if v := values[key]; v != "" {
			what = append(what, v)
		}
	}
	_, _ = fmt.Fprintf(line, "%-10s  %s  %-4s  %-30s  %s", decision, values["status"], values["method"], values["path"], strings.Join(what, ", "))
	if took := values["duration"]; took != "" {
		_, _ = fmt.Fprintf(line, "  (%s)", took)
	}
}

// printable replaces characters with which a client could break lines or control a
// terminal.
func printable(r rune) rune {
	if !unicode.IsPrint(r) {
		return '?'
	}
	return r
}

// remark formats any other record.
func (l *decisionLog) remark(line *strings.Builder, record slog.Record, facts []slog.Attr) {
	_, _ = fmt.Fprintf(line, "%-10s  %s", strings.ToLower(record.Level.String()), record.Message)
	for _, a := range facts {
		_, _ = fmt.Fprintf(line, "  %s=%s", a.Key, a.Value.Resolve())
	}
}
