package accesslog_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/test/kit"
	"github.com/clerkgate/clerkgate/proxy/internal/accesslog"
)

// fill makes an entry of a request by a signed-in user.
func fill(e *accesslog.Entry) {
	e.Time = time.Date(2026, 11, 25, 14, 5, 7, 8_900_000, time.FixedZone("", 3600))
	e.Duration, e.UpstreamTime = 12_345_678*time.Nanosecond, 9_001*time.Microsecond
	e.Client, e.Host, e.Method, e.Path, e.Protocol = netip.MustParseAddr("192.0.2.7"), "app.example.com", "GET", "/api/items", "HTTP/1.1"
	e.Status, e.BytesIn, e.BytesOut = 200, 0, 1024
	e.Outcome, e.Decision, e.Route = "forwarded", "signed-in", "api"
	e.UserID, e.SessionID, e.OrganizationID = "user_2abc", "sess_2def", "org_2ghi"
	e.Upstream, e.UpstreamStatus = "127.0.0.1:3000", 200
	e.RequestID, e.TraceID = "0123456789abcdef0123456789abcdef", "4bf92f3577b34da6a3ce929d0e0e4736"
	e.UserAgent, e.Referer = "Mozilla/5.0 (X11; Linux x86_64)", "https://app.example.com/list?page=2"
}

func written(o accesslog.Options, change func(*accesslog.Entry)) string {
	var out bytes.Buffer
	o.Writer = &out
	l := accesslog.New(o)
	e := l.Entry()
	fill(e)
	if change != nil {
		change(e)
	}
	l.Write(e)
	return out.String()
}

func TestFormats(t *testing.T) {
	t.Parallel()
	for format, want := range map[accesslog.Format]string{
		accesslog.Text: `time=2026-11-25T14:05:07.008+01:00 level=INFO msg=request status=200 method=GET host=app.example.com path=/api/items duration_ms=12.345 ` +
			`outcome=forwarded decision=signed-in route=api user_id=user_2abc session_id=sess_2def organization_id=org_2ghi client=192.0.2.7 bytes_in=0 bytes_out=1024 ` +
			`upstream=127.0.0.1:3000 upstream_status=200 upstream_ms=9.001 request_id=0123456789abcdef0123456789abcdef trace_id=4bf92f3577b34da6a3ce929d0e0e4736 ` +
			`user_agent="Mozilla/5.0 (X11; Linux x86_64)"`,
		accesslog.JSON: `{"time":"2026-11-25T14:05:07.008+01:00","level":"INFO","msg":"request","http.response.status_code":200,"http.request.method":"GET",` +
			`"server.address":"app.example.com","url.path":"/api/items","duration_ms":12.345,"outcome":"forwarded","decision":"signed-in","route":"api",` +
			`"user_id":"user_2abc","session_id":"sess_2def","organization_id":"org_2ghi","client.address":"192.0.2.7","http.request.body.size":0,` +
			`"http.response.body.size":1024,"upstream.address":"127.0.0.1:3000","upstream.status_code":200,"upstream.duration_ms":9.001,` +
			`"request_id":"0123456789abcdef0123456789abcdef","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","user_agent.original":"Mozilla/5.0 (X11; Linux x86_64)"}`,
		accesslog.ECS: `{"@timestamp":"2026-11-25T14:05:07.008+01:00","log.level":"INFO","message":"request","ecs.version":"8.11.0","http.response.status_code":200,` +
			`"http.request.method":"GET","url.domain":"app.example.com","url.path":"/api/items","event.duration":12345678,"clerkgate.outcome":"forwarded",` +
			`"clerkgate.decision":"signed-in","clerkgate.route":"api","user.id":"user_2abc","clerkgate.session_id":"sess_2def","organization.id":"org_2ghi",` +
			`"client.ip":"192.0.2.7","http.request.body.bytes":0,"http.response.body.bytes":1024,"clerkgate.upstream.address":"127.0.0.1:3000",` +
			`"clerkgate.upstream.status_code":200,"clerkgate.upstream.duration":9001000,"http.request.id":"0123456789abcdef0123456789abcdef",` +
			`"trace.id":"4bf92f3577b34da6a3ce929d0e0e4736","user_agent.original":"Mozilla/5.0 (X11; Linux x86_64)"}`,
		accesslog.Common:   `192.0.2.7 - user_2abc [25/Nov/2026:14:05:07 +0100] "GET /api/items HTTP/1.1" 200 1024`,
		accesslog.Combined: `192.0.2.7 - user_2abc [25/Nov/2026:14:05:07 +0100] "GET /api/items HTTP/1.1" 200 1024 "https://app.example.com/list" "Mozilla/5.0 (X11; Linux x86_64)"`,
	} {
		assert.Equal(t, want+"\n", written(accesslog.Options{Format: format}, nil), format)
	}
}

func TestWhatIsEmptyIsLeftOut(t *testing.T) {
	t.Parallel()
	empty := func(e *accesslog.Entry) {
		*e = accesslog.Entry{Time: e.Time, Method: "GET", Status: 499, BytesIn: -1, BytesOut: -1, UpstreamTime: -1, Error: "context canceled", ClientLeft: "before-response"}
	}
	assert.Equal(t, "time=2026-11-25T14:05:07.008+01:00 level=INFO msg=request status=499 method=GET duration_ms=0.000 client_left=before-response error=\"context canceled\"\n",
		written(accesslog.Options{Format: accesslog.Text}, empty))
	assert.Equal(t, "- - - [25/Nov/2026:14:05:07 +0100] \"GET - -\" 499 - \"-\" \"-\"\n", written(accesslog.Options{Format: accesslog.Combined}, empty))
}

func TestChosenFields(t *testing.T) {
	t.Parallel()
	fields := []string{"path", "client", "status", "referer", "protocol"}
	assert.Equal(t, "time=2026-11-25T14:05:07.008+01:00 level=INFO msg=request path=/api/items client=192.0.2.7 status=200 referer=https://app.example.com/list protocol=1.1\n",
		written(accesslog.Options{Format: accesslog.Text, Fields: fields}, nil))
	assert.Equal(t, `{"time":"2026-11-25T14:05:07.008+01:00","level":"INFO","msg":"request","url.path":"/api/items","client.address":"192.0.2.7","http.response.status_code":200,`+
		`"http.request.header.referer":"https://app.example.com/list","network.protocol.version":"1.1"}`+"\n", written(accesslog.Options{Format: accesslog.JSON, Fields: fields}, nil))
	names := accesslog.Names()
	for i, f := range accesslog.Fields() {
		assert.Equal(t, names[i], f.Name)
		assert.NotEmpty(t, f.Help, f.Name)
		assert.NotEmpty(t, f.JSON, f.Name)
		assert.NotEmpty(t, f.ECS, f.Name)
	}
}

// The time of a second is remembered from line to line.
func TestTimesFollowTheClock(t *testing.T) {
	t.Parallel()
	for _, format := range []accesslog.Format{accesslog.Text, accesslog.Common} {
		var out bytes.Buffer
		l := accesslog.New(accesslog.Options{Writer: &out, Format: format})
		start := time.Date(2026, 12, 31, 23, 59, 58, 0, time.UTC)
		for i := range 40 {
			at := start.Add(time.Duration(i) * 97 * time.Millisecond)
			e := l.Entry()
			fill(e)
			e.Time = at
			out.Reset()
			l.Write(e)
			want := "time=" + at.Format("2006-01-02T15:04:05.000Z07:00") + " "
			if format == accesslog.Common {
				want = "[" + at.Format("02/Jan/2006:15:04:05 -0700") + "]"
			}
			assert.Contains(t, out.String(), want)
		}
	}
}

func TestSamplingLeavesOutSuccessesAlone(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		random uint64
		change func(*accesslog.Entry)
		want   bool
	}{
		{0, nil, true},
		{math.MaxUint64, nil, false},
		{math.MaxUint64 / 10, nil, true},
		{math.MaxUint64 / 3, nil, false},
		{math.MaxUint64, func(e *accesslog.Entry) { e.Status = 401 }, true},
		{math.MaxUint64, func(e *accesslog.Entry) { e.Error = "broken" }, true},
		{math.MaxUint64, func(e *accesslog.Entry) { e.ClientLeft = "during-response" }, true},
	} {
		got := written(accesslog.Options{Format: accesslog.Common, Sample: 0.25, Random: func() uint64 { return test.random }}, test.change)
		assert.Equal(t, test.want, got != "", "%d", test.random)
	}
}

// Tokens and keys get into paths and headers by mistake.
func TestCredentialsAreLeftOut(t *testing.T) {
	t.Parallel()
	const jwt = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ1c2VyXzEifQ.c2lnbmF0dXJl"
	for text, want := range map[string]string{
		"/x/" + jwt + "/y":                       "/x/[redacted]/y",
		"/x%20" + jwt:                            "/x%20[redacted]",
		"/x;t=" + jwt + ";u=1":                   "/x;t=[redacted];u=1",
		"/keys/ak_0123456789abcdef0123":          "/keys/[redacted]",
		"/x/sk_live_0123456789abcdef":            "/x/[redacted]",
		"/x/oat_0123456789abcdef/mt_01234567890": "/x/[redacted]/mt_01234567890",
		"/__clerk_handshake=0123456789":          "/[redacted]",
		"/x__session_RJE7FmXV=0123456789":        "/x[redacted]",
		"/break_fast_menu_of_the_day":            "/break_fast_menu_of_the_day",
		"/eyJo":                                  "/eyJo",
		"/sk_short":                              "/sk_short",
		"/a_b":                                   "/a_b",
	} {
		for _, format := range []accesslog.Format{accesslog.Text, accesslog.JSON, accesslog.ECS, accesslog.Combined} {
			got := written(accesslog.Options{Format: format}, func(e *accesslog.Entry) { e.Path = text })
			assert.Contains(t, strings.NewReplacer(`"`, " ").Replace(strings.ReplaceAll(got, "\\x5b", "[")), want, "%s: %s", format, text)
			if strings.Contains(text, jwt) {
				assert.NotContains(t, got, "c2lnbmF0dXJl")
			}
		}
	}
	for name, change := range map[string]func(*accesslog.Entry){
		"user agent": func(e *accesslog.Entry) { e.UserAgent = "curl Bearer " + jwt },
		"referer":    func(e *accesslog.Entry) { e.Referer = "https://x/" + jwt },
		"query":      func(e *accesslog.Entry) { e.Referer = "https://x/?c2lnbmF0dXJl" },
		"fragment":   func(e *accesslog.Entry) { e.Referer = "https://x/#c2lnbmF0dXJl" },
		"host":       func(e *accesslog.Entry) { e.Host = jwt },
		"error":      func(e *accesslog.Entry) { e.Error = "bad header " + jwt },
	} {
		for _, format := range []accesslog.Format{accesslog.Text, accesslog.JSON, accesslog.ECS, accesslog.Combined} {
			assert.NotContains(t, written(accesslog.Options{Format: format, Fields: accesslog.Names()}, change), "c2lnbmF0dXJl", "%s: %s", format, name)
		}
	}
}

func TestTextsAreBounded(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 1<<20)
	for _, format := range []accesslog.Format{accesslog.Text, accesslog.JSON, accesslog.ECS, accesslog.Combined} {
		line := written(accesslog.Options{Format: format, Fields: accesslog.Names()}, func(e *accesslog.Entry) {
			e.Path, e.UserAgent, e.Referer, e.Host, e.Method, e.Error = long, long, long, long, long, long
		})
		assert.Less(t, len(line), 8<<10, format)
		assert.Contains(t, line, "xxx...")
	}
}

var update = flag.Bool("update", false, "write the table of the documentation anew")

func TestThePageListsEveryField(t *testing.T) { // not parallel: it writes with -update
	const page = "../../../docs/reference/logs.md"
	var table strings.Builder
	table.WriteString("| field | JSON | ECS | | meaning |\n| --- | --- | --- | --- | --- |\n")
	for _, f := range accesslog.Fields() {
		mark := ""
		if f.Default {
			mark = "x"
		}
		fmt.Fprintf(&table, "| `%s` | `%s` | `%s` | %s | %s |\n", f.Name, f.JSON, f.ECS, mark, f.Help)
	}
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	before, rest, found := strings.Cut(string(text), "-update -->\n")
	require.True(t, found)
	_, after, found := strings.Cut(rest, "<!-- end -->")
	require.True(t, found)
	want := before + "-update -->\n" + table.String() + "<!-- end -->" + after
	if *update {
		require.NoError(t, os.WriteFile(page, []byte(want), 0o600))
		return
	}
	assert.Equal(t, want, string(text), "run go test ./proxy/internal/accesslog -update")
}

func FuzzLines(f *testing.F) {
	f.Add("/", "curl/8", "GET", "x")
	f.Add("/\"\\\x00\x7f\xff\u2028\u202e\U000e0001", "a\nb\r\n\x1b[2J", "G T", "{\"a\":1} - [x] \"")
	f.Fuzz(func(t *testing.T, path, agent, method, other string) {
		set := func(e *accesslog.Entry) {
			e.Path, e.UserAgent, e.Method = path, agent, method
			e.Host, e.Referer, e.Error, e.Reason, e.UserID, e.Protocol = other, other, other, other, other, other
		}
		for _, format := range []accesslog.Format{accesslog.Text, accesslog.JSON, accesslog.ECS, accesslog.Common, accesslog.Combined} {
			line := written(accesslog.Options{Format: format, Fields: accesslog.Names()}, set)
			require.Equal(t, 1, strings.Count(line, "\n"), "one line: %q", line)
			line = strings.TrimSuffix(line, "\n")
			require.True(t, utf8.ValidString(line))
			require.Equal(t, -1, strings.IndexFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }), "printable: %q", line)
			switch format {
			case accesslog.JSON, accesslog.ECS:
				var fields map[string]any
				require.NoError(t, json.Unmarshal([]byte(line), &fields), line)
				if len(path) < 100 && utf8.ValidString(path) && !strings.Contains(path, "_") && !strings.Contains(path, "eyJ") && path != "" {
					require.Equal(t, path, fields["url.path"], "nothing is lost")
				}
			case accesslog.Common:
				require.Regexp(t, `^\S+ - \S+ \[[^]]+\] "\S+ \S+ \S+" \d+ (\d+|-)$`, line)
			case accesslog.Combined:
				require.Regexp(t, `^\S+ - \S+ \[[^]]+\] "\S+ \S+ \S+" \d+ (\d+|-) "[^"]*" "[^"]*"$`, line)
			default:
				require.Empty(t, strings.TrimSpace(pairs.ReplaceAllString(line, "")), line)
			}
		}
	})
}

// pairs are name=value as package log/slog writes them.
var pairs = regexp.MustCompile(`(^| )[a-z_]+=("([^"\\]|\\.)*"|[^ "=]+)`)

func TestALineCostsNoAllocation(t *testing.T) {
	if kit.Race {
		t.Skip("the race detector makes pools forget")
	}
	for _, format := range []accesslog.Format{accesslog.Text, accesslog.JSON, accesslog.ECS, accesslog.Common, accesslog.Combined} {
		l := accesslog.New(accesslog.Options{Writer: io.Discard, Format: format})
		assert.Less(t, testing.AllocsPerRun(1000, func() {
			e := l.Entry()
			fill(e)
			l.Write(e)
		}), 0.5, format) // the pool may be emptied meanwhile
	}
}

func BenchmarkLine(b *testing.B) {
	for _, format := range []accesslog.Format{accesslog.Text, accesslog.JSON, accesslog.Combined} {
		b.Run(string(format), func(b *testing.B) {
			l := accesslog.New(accesslog.Options{Writer: io.Discard, Format: format})
			var like accesslog.Entry
			fill(&like)
			b.ReportAllocs()
			for b.Loop() {
				e := l.Entry()
				e.Time, e.Duration, e.Client, e.Host, e.Method, e.Path, e.Protocol = like.Time, like.Duration, like.Client, like.Host, like.Method, like.Path, like.Protocol
				e.Status, e.BytesOut, e.Outcome, e.Decision, e.Route = like.Status, like.BytesOut, like.Outcome, like.Decision, like.Route
				e.UserID, e.SessionID, e.OrganizationID = like.UserID, like.SessionID, like.OrganizationID
				e.Upstream, e.UpstreamStatus, e.UpstreamTime = like.Upstream, like.UpstreamStatus, like.UpstreamTime
				e.RequestID, e.TraceID, e.UserAgent, e.Referer = like.RequestID, like.TraceID, like.UserAgent, like.Referer
				l.Write(e)
			}
		})
	}
}
