package accesslog

import (
	"io"
	"math"
	"slices"
	"sync"
)

// Options configure a [Log].
type Options struct {
	// Writer gets each line in one call, from many goroutines. Errors are ignored.
	Writer io.Writer
	// Format is how a line is written; it must not be [Off].
	Format Format
	// Fields are the names of the columns, in their order; nil means those by default. The
	// formats Common and Combined have columns of their own.
	Fields []string
	// Sample is the share of successful requests that are logged, above 0; 0 means all of
	// them. Refusals and failures are always logged.
	Sample float64
	// Random returns a random number; it is called only with Sample.
	Random func() uint64
}

// Log writes lines. It is safe for concurrent use.
type Log struct {
	writer  io.Writer
	format  format
	columns []column
	// limit is compared with a random number, whose top bit it leaves out.
	limit   uint64
	random  func() uint64
	entries sync.Pool
}

// New returns a Log. It ignores names of fields that do not exist.
func New(o Options) *Log {
	l := &Log{writer: o.Writer, format: formats()[o.Format], random: o.Random}
	if o.Sample > 0 && o.Sample < 1 {
		l.limit = uint64(o.Sample * math.MaxInt64)
	}
	l.columns = l.format.columns(chosen(o.Fields))
	return l
}

// chosen returns the fields of the names, or those by default.
func chosen(names []string) (fields []field) {
	all := table()
	if len(names) == 0 {
		return slices.DeleteFunc(all, func(f field) bool { return f.chosen })
	}
	for _, name := range names {
		if i := slices.IndexFunc(all, func(f field) bool { return f.name == name }); i >= 0 {
			fields = append(fields, all[i])
		}
	}
	return fields
}

// Entry returns an empty entry. The caller must pass it to [Log.Write].
func (l *Log) Entry() *Entry {
	if e, ok := l.entries.Get().(*Entry); ok {
		return e
	}
	return &Entry{line: make([]byte, 0, 1<<10)}
}

// maxPooledLine is the size of a line whose memory is used again, in bytes.
const maxPooledLine = 8 << 10

// Write writes the line of e, unless sampling leaves it out. e must not be used afterwards.
func (l *Log) Write(e *Entry) {
	if l.limit == 0 || !e.successful() || l.random()>>1 < l.limit {
		e.line = append(l.format.line(e.line[:0], e, l.columns), '\n')
		_, _ = l.writer.Write(e.line)
	}
	if cap(e.line) <= maxPooledLine {
		*e = Entry{line: e.line, stamp: e.stamp, second: e.second}
		l.entries.Put(e)
	}
}
