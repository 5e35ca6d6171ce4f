package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
)

// decisionLog writes log records for people. It is a [slog.Handler]; records below the level
// info are left out. [requestLog] writes the lines of requests between them.
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
	return l.out.line(record.Time, func(line *strings.Builder) { l.remark(line, record, facts) })
}

// line writes a line that begins with a time of day.
func (o *output) line(at time.Time, content func(*strings.Builder)) error {
	var line strings.Builder
	line.WriteString(at.Format(time.TimeOnly) + "  ")
	content(&line)
	text := strings.Map(printable, strings.TrimRight(line.String(), " "))

	o.mu.Lock()
	defer o.mu.Unlock()
	_, err := io.WriteString(o.w, text+"\n")
	return err
}

// requestLog gets the lines of package proxy's access log, in its format json, and writes
// them for people.
type requestLog struct{ *decisionLog }

// line is a line of the access log.
type line struct {
	Time      time.Time `json:"time"`
	Decision  string    `json:"decision"`
	Reason    string    `json:"reason"`
	Status    int       `json:"http.response.status_code"`
	Method    string    `json:"http.request.method"`
	Path      string    `json:"url.path"`
	UserID    string    `json:"user_id"`
	Refreshed string    `json:"refreshed"`
	Error     string    `json:"error"`
	Millis    float64   `json:"duration_ms"`
}

// Write writes a line in columns:
//
//	15:04:05  signed-in   200  GET   /         jane@example.com, token refreshed  (1.2ms)
func (l requestLog) Write(p []byte) (int, error) {
	var r line
	if err := json.Unmarshal(p, &r); err != nil {
		return 0, err
	}
	if r.Decision == "" {
		r.Decision = "not judged"
		if strings.HasPrefix(r.Path, proxyPath+"/") {
			r.Decision = string(forClerk)
			l.forClerk(r.Method, r.Path, r.Status)
		}
	}
	var what []string
	if r.UserID != "" {
		what = append(what, l.name(r.UserID))
	}
	if r.Refreshed != "" {
		what = append(what, "token refreshed")
	}
	for _, v := range []string{r.Reason, r.Error} {
		if v != "" {
			what = append(what, v)
		}
	}
	return len(p), l.out.line(r.Time, func(line *strings.Builder) {
		_, _ = fmt.Fprintf(line, "%-10s  %d  %-4s  %-30s  %s  (%.1fms)", r.Decision, r.Status, r.Method, r.Path, strings.Join(what, ", "), r.Millis)
	})
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
