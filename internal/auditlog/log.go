package auditlog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"
)

const (
	// capacity bounds the events that wait.
	capacity = 10_000
	// retryAfter is how long a failed write is not tried again.
	retryAfter = time.Second
	// mode is that of a new file: it names people.
	mode = 0o600
)

// Options configure a [Log]. One of File and Writer must be set.
type Options struct {
	// File is the name of a file, which is made if it does not exist, and continued if it
	// does.
	File string
	// Writer gets each line in one call. Its chain begins anew with each start.
	Writer io.Writer
	// Version is that of the program, for the first line.
	Version string
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Logger is told when lines cannot be written; nil is silent.
	Logger *slog.Logger
}

// Log is an audit log. It is safe for concurrent use, and a nil *Log records nothing.
type Log struct {
	opts Options
	file *os.File // nil for a Writer
	wake chan struct{}
	stop chan struct{} // closed by Close
	done chan struct{}

	mu      sync.Mutex
	waiting []waiting
	lost    int
	closed  bool
	reopen  bool

	// Of the goroutine that writes:
	chain   chain
	failing bool
}

// waiting is an event that has not been written.
type waiting struct {
	Event
	at time.Time
}

// Open returns a Log and starts a goroutine that writes it until [Log.Close]. An error
// means that the file cannot be opened, or does not end as an audit log does.
func Open(o Options) (*Log, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	l := &Log{opts: o, wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}), chain: newChain()}
	first := Event{Kind: Started, Version: o.Version}
	if o.File != "" {
		var err error
		if l.file, l.chain, first.Torn, err = openFile(o.File); err != nil {
			return nil, err
		}
	}
	l.Record(first)
	go l.run()
	return l, nil
}

// openFile opens a file and finds the end of its chain. torn reports that its last line was
// not whole, and has been ended.
func openFile(name string) (f *os.File, c chain, torn bool, err error) {
	f, err = os.OpenFile(name, os.O_RDWR|os.O_APPEND|os.O_CREATE, mode) //nolint:gosec // the operator names it
	if err != nil {
		return nil, chain{}, false, err
	}
	if c, torn, err = lastOf(f); err == nil && torn {
		_, err = f.WriteString("\n")
	}
	if err != nil {
		return nil, chain{}, false, errors.Join(fmt.Errorf("%s: %w", name, err), f.Close())
	}
	return f, c, torn, nil
}

// Record adds an event. It never blocks.
func (l *Log) Record(e Event) {
	if l == nil {
		return
	}
	l.mu.Lock()
	if l.closed || len(l.waiting) >= capacity {
		l.lost++
	} else {
		l.waiting = append(l.waiting, waiting{e, l.opts.Now()})
	}
	l.mu.Unlock()
	l.signal()
}

// Reopen makes the log open its file by its name again, which a program that rotates logs
// has renamed. The chain goes on in the new file.
func (l *Log) Reopen() {
	if l == nil {
		return
	}
	l.mu.Lock()
	l.reopen = l.opts.File != ""
	l.mu.Unlock()
	l.signal()
}

// Close records that the program stops, and returns when everything is written or ctx ends.
func (l *Log) Close(ctx context.Context) error {
	if l == nil {
		return nil
	}
	l.Record(Event{Kind: Stopped})
	l.mu.Lock()
	already := l.closed
	l.closed = true
	l.mu.Unlock()
	if !already {
		close(l.stop)
	}
	select {
	case <-l.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *Log) signal() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// run writes what waits until Close, and then tries once more.
func (l *Log) run() {
	defer close(l.done)
	for {
		var retry <-chan time.Time
		if !l.writeAll() {
			timer := time.NewTimer(retryAfter)
			defer timer.Stop()
			retry = timer.C
		}
		select {
		case <-l.stop:
			l.writeAll()
			if l.file != nil {
				_ = l.file.Close()
			}
			return
		case <-l.wakeUnless(retry):
		case <-retry:
		}
	}
}

// wakeUnless returns what announces events, unless a retry has to be waited for.
func (l *Log) wakeUnless(retry <-chan time.Time) <-chan struct{} {
	if retry != nil {
		return nil
	}
	return l.wake
}

// writeAll writes what waits, and reports whether it could.
func (l *Log) writeAll() bool {
	for {
		l.mu.Lock()
		events, lost, reopen := l.waiting, l.lost, l.reopen
		l.waiting, l.lost, l.reopen = nil, 0, false
		l.mu.Unlock()
		if reopen {
			l.change()
		}
		if len(events) == 0 && lost == 0 {
			return true
		}
		if n, err := l.writeSome(events, lost); err != nil {
			l.putBack(events[n:], lost)
			l.tell(err)
			return false
		}
		l.failing = false
	}
}

// writeSome writes events, and that some were lost. It returns how many it has written.
func (l *Log) writeSome(events []waiting, lost int) (n int, err error) {
	for n = range events {
		if err := l.write(&events[n].Event, events[n].at); err != nil {
			return n, err
		}
	}
	if lost > 0 { // they came after those that waited
		err = l.write(&Event{Kind: Lost, Count: lost}, l.opts.Now())
	}
	return len(events), err
}

// putBack returns events that could not be written to the front of those that wait.
func (l *Log) putBack(events []waiting, lost int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lost += lost
	l.waiting = append(events, l.waiting...)
	if more := len(l.waiting) - capacity; more > 0 {
		l.waiting, l.lost = l.waiting[:capacity], l.lost+more
	}
}

// tell logs a failure, once until a write succeeds.
func (l *Log) tell(err error) {
	if !l.failing {
		l.failing = true
		l.opts.Logger.Error("audit log could not be written; it is tried again, and events wait meanwhile", "error", err)
	}
}

// write writes one line. After a failure nothing of it is left in the file.
func (l *Log) write(e *Event, at time.Time) error {
	line, next, err := l.chain.line(e, at)
	if err != nil {
		return err
	}
	if l.file == nil {
		if _, err = l.opts.Writer.Write(line); err == nil {
			l.chain = next
		}
		return err
	}
	n, err := l.file.Write(line)
	if err == nil {
		l.chain = next
		return nil
	}
	if n > 0 { // a full disk takes a part of it
		if info, statErr := l.file.Stat(); statErr == nil {
			err = errors.Join(err, l.file.Truncate(info.Size()-int64(n)))
		}
	}
	return err
}

// change opens the file by its name, unless that still is the same file.
func (l *Log) change() {
	now, err := os.Stat(l.opts.File)
	if err == nil {
		if present, err := l.file.Stat(); err == nil && os.SameFile(now, present) {
			return
		}
	}
	f, c, torn, err := openFile(l.opts.File)
	if err != nil {
		l.opts.Logger.Error("audit log could not be opened again; the former file is written to", "error", err)
		return
	}
	_ = l.file.Close()
	l.file = f
	if c.seq > 0 {
		l.chain = c // it has a chain of its own
	}
	if err := l.write(&Event{Kind: Reopened, Torn: torn}, l.opts.Now()); err != nil {
		l.tell(err)
	}
}
