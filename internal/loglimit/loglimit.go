// Package loglimit keeps a message that repeats from filling a log.
//
// Each message may be logged some times in an interval; what is more is left out, and counted.
// The first line of that message after the interval says how many were left out. If none
// comes, a line of its own says so.
package loglimit

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// The limits, for each message.
const (
	// First is how many lines an interval may have.
	First = 10
	// Interval begins with the first line.
	Interval = time.Minute
)

// Handler is a [slog.Handler] that limits warnings and errors, which requests can cause again
// and again. Messages are told apart by their text alone, so texts must be constant.
// Create one with [New].
type Handler struct {
	next   slog.Handler
	limits *limits // of all handlers that were derived from one
}

type limits struct {
	now  func() time.Time
	root slog.Handler // that New got

	mu       sync.Mutex
	messages map[string]*message
	closed   bool
}

// message is what was logged of one in the present interval.
type message struct {
	began  time.Time
	logged int
	out    int // how many were left out
	level  slog.Level
	timer  *time.Timer // tells that some were left out; nil if none were
}

var _ slog.Handler = (*Handler)(nil)

// New returns a handler that passes records on to next. now is the clock; nil means time.Now.
func New(next slog.Handler, now func() time.Time) *Handler {
	if now == nil {
		now = time.Now
	}
	return &Handler{next: next, limits: &limits{now: now, root: next, messages: make(map[string]*message)}}
}

// Enabled implements [slog.Handler].
func (h *Handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

// WithAttrs implements [slog.Handler].
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &Handler{h.next.WithAttrs(attrs), h.limits}
}

// WithGroup implements [slog.Handler].
func (h *Handler) WithGroup(name string) slog.Handler {
	return &Handler{h.next.WithGroup(name), h.limits}
}

// always is the key of contexts of [Always].
type always struct{}

// Always returns a context whose records are never left out: those about what an operator did,
// who waits for each of them.
func Always(ctx context.Context) context.Context { return context.WithValue(ctx, always{}, true) }

// Handle implements [slog.Handler].
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	if r.Level < slog.LevelWarn || ctx.Value(always{}) != nil {
		return h.next.Handle(ctx, r)
	}
	out, pass := h.admit(&r)
	if !pass {
		return nil
	}
	if out > 0 {
		r = r.Clone()
		r.AddAttrs(slog.Int("left_out", out))
	}
	return h.next.Handle(ctx, r)
}

// admit reports whether a record may be logged, and how many were left out before it.
func (h *Handler) admit(r *slog.Record) (out int, pass bool) {
	l := h.limits
	l.mu.Lock()
	defer l.mu.Unlock()
	m := l.messages[r.Message]
	if m == nil || l.now().Sub(m.began) >= Interval {
		if m != nil {
			out = m.stop()
		}
		m = &message{began: l.now(), level: r.Level}
		l.messages[r.Message] = m
	}
	if m.logged < First || l.closed {
		m.logged++
		return out, true
	}
	if m.out++; m.timer == nil {
		text := r.Message
		m.timer = time.AfterFunc(Interval-l.now().Sub(m.began), func() { h.tell(text, m) })
	}
	return 0, false
}

// stop returns how many records were left out, unless that has been told.
func (m *message) stop() (out int) {
	if m.timer != nil {
		m.timer.Stop()
	}
	out, m.out = m.out, 0
	return out
}

// tell logs how many records of a message were left out, unless that has been told.
func (h *Handler) tell(text string, m *message) {
	h.limits.mu.Lock()
	out := m.stop()
	h.limits.mu.Unlock()
	if out == 0 {
		return
	}
	r := slog.NewRecord(h.limits.now(), m.level, text, 0)
	r.AddAttrs(slog.Int("left_out", out))
	_ = h.limits.root.Handle(context.Background(), r)
}

// Close tells what was left out, and limits nothing from then on.
func (h *Handler) Close() {
	h.limits.mu.Lock()
	h.limits.closed = true
	messages := h.limits.messages
	h.limits.messages = make(map[string]*message)
	h.limits.mu.Unlock()
	for text, m := range messages {
		h.tell(text, m)
	}
}
