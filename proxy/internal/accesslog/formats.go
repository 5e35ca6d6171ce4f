package accesslog

import (
	"strconv"
	"time"
)

// Format is how a line is written.
type Format string

// The formats.
const (
	// Text is for people: name=value.
	Text Format = "text"
	// JSON is an object with names of OpenTelemetry's semantic conventions.
	JSON Format = "json"
	// Common is the Common Log Format of NCSA httpd, Combined the one with referer and user
	// agent.
	Common   Format = "common"
	Combined Format = "combined"
	// ECS is an object with names of the Elastic Common Schema.
	ECS Format = "ecs"
	// Off writes nothing.
	Off Format = "off"
)

// HasFields reports whether the columns of a format can be chosen.
func (f Format) HasFields() bool { return f == Text || f == JSON || f == ECS }

// ecsVersion is the version of the Elastic Common Schema whose names are used.
const ecsVersion = "8.11.0"

// format is how lines are written.
type format struct {
	// columns prepares the fields.
	columns func([]field) []column
	// line appends a line without its end.
	line func(b []byte, e *Entry, columns []column) []byte
}

// column is a field with what is written before its value.
type column struct {
	field
	key string
}

func formats() map[Format]format {
	return map[Format]format{
		Text: {
			columns: keyed(func(f field) string { return " " + f.name + "=" }),
			line: func(b []byte, e *Entry, columns []column) []byte {
				b = e.appendTime(append(b, "time="...), isoTime)
				b = append(append(append(b, " level="...), e.level()...), " msg=request"...)
				return appendColumns(b, e, columns, appendText, appendMillis)
			},
		},
		JSON: {
			columns: keyed(func(f field) string { return `,"` + f.json + `":` }),
			line: func(b []byte, e *Entry, columns []column) []byte {
				b = e.appendTime(append(b, `{"time":"`...), isoTime)
				b = append(append(append(b, `","level":"`...), e.level()...), `","msg":"request"`...)
				return append(appendColumns(b, e, columns, appendJSON, appendMillis), '}')
			},
		},
		ECS: {
			columns: keyed(func(f field) string { return `,"` + f.ecs + `":` }),
			line: func(b []byte, e *Entry, columns []column) []byte {
				b = e.appendTime(append(b, `{"@timestamp":"`...), isoTime)
				b = append(append(append(b, `","log.level":"`...), e.level()...), `","message":"request","ecs.version":"`+ecsVersion+`"`...)
				return append(appendColumns(b, e, columns, appendJSON, appendNanos), '}')
			},
		},
		Common:   {columns: keyed(nil), line: common},
		Combined: {columns: keyed(nil), line: combined},
	}
}

// keyed returns a function that makes columns of fields; a nil key makes none.
func keyed(key func(field) string) func([]field) []column {
	return func(fields []field) (columns []column) {
		for _, f := range fields {
			if key != nil {
				columns = append(columns, column{field: f, key: key(f)})
			}
		}
		return columns
	}
}

func appendColumns(b []byte, e *Entry, columns []column, appendString func([]byte, string) []byte, appendDuration func([]byte, time.Duration) []byte) []byte {
	for i := range columns {
		switch c := &columns[i]; {
		case c.text != nil:
			if s := c.text(e); s != "" {
				b = appendString(append(b, c.key...), s)
			}
		case c.number != nil:
			if n := c.number(e); n >= 0 {
				b = strconv.AppendInt(append(b, c.key...), n, 10)
			}
		case c.duration != nil:
			if d := c.duration(e); d >= 0 {
				b = appendDuration(append(b, c.key...), d)
			}
		case e.Client.IsValid(): // an address consists of characters that need no escape
			b = append(b, c.key...)
			if c.key[0] == ',' {
				b = append(b, '"')
			}
			b = e.Client.AppendTo(b)
			if c.key[0] == ',' {
				b = append(b, '"')
			}
		}
	}
	return b
}

func appendNanos(b []byte, d time.Duration) []byte { return strconv.AppendInt(b, int64(d), 10) }

// common appends: client - user [time] "method path protocol" status size.
func common(b []byte, e *Entry, _ []column) []byte {
	if e.Client.IsValid() {
		b = e.Client.AppendTo(b)
	} else {
		b = append(b, '-')
	}
	b = appendCommon(append(b, " - "...), e.UserID, false)
	b = e.appendTime(append(b, " ["...), commonTime)
	b = appendCommon(append(b, `] "`...), Bounded(e.Method, maxMethod), false)
	b = appendCommon(append(b, ' '), Bounded(e.Path, maxPath), false)
	b = appendCommon(append(b, ' '), e.Protocol, false)
	b = strconv.AppendInt(append(b, `" `...), int64(e.Status), 10)
	if e.BytesOut < 0 {
		return append(b, " -"...)
	}
	return strconv.AppendInt(append(b, ' '), e.BytesOut, 10)
}

// combined appends the same, then "referer" "user agent".
func combined(b []byte, e *Entry, columns []column) []byte {
	b = appendCommon(append(common(b, e, columns), ` "`...), withoutQuery(e.Referer), true)
	b = appendCommon(append(b, `" "`...), Bounded(e.UserAgent, maxUserAgent), true)
	return append(b, '"')
}

// timeFormat is how a format writes a time: a layout before the fraction of a second and one
// behind it.
type timeFormat struct {
	before, behind string
	fraction       bool
}

var (
	isoTime    = &timeFormat{"2006-01-02T15:04:05", "Z07:00", true}   //nolint:gochecknoglobals // it never changes
	commonTime = &timeFormat{"02/Jan/2006:15:04:05 -0700", "", false} //nolint:gochecknoglobals // it never changes
)

// appendTime appends when the request arrived. The text of a second is kept, because most
// lines are written in the same second as the line before.
func (e *Entry) appendTime(b []byte, f *timeFormat) []byte {
	if second := e.Time.Unix(); second != e.second || len(e.stamp.before) == 0 {
		e.second = second
		e.stamp.before = e.Time.AppendFormat(e.stamp.before[:0], f.before)
		e.stamp.behind = e.Time.AppendFormat(e.stamp.behind[:0], f.behind)
	}
	b = append(b, e.stamp.before...)
	if f.fraction {
		millis := e.Time.Nanosecond() / int(time.Millisecond)
		const digits = "0123456789"
		b = append(b, '.', digits[millis/100], digits[millis/10%10], digits[millis%10])
	}
	return append(b, e.stamp.behind...)
}
