package auditlog_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/auditlog"
)

// open opens a log in a file, which the test closes.
func open(t testing.TB, file string) *auditlog.Log {
	t.Helper()
	l, err := auditlog.Open(auditlog.Options{File: file, Version: "1.2.3"})
	require.NoError(t, err)
	t.Cleanup(func() { shut(t, l) })
	return l
}

func shut(t testing.TB, l *auditlog.Log) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	require.NoError(t, l.Close(ctx))
}

// verify checks texts as files of one log.
func verify(t testing.TB, texts ...string) *auditlog.Verifier {
	t.Helper()
	var v auditlog.Verifier
	for i, text := range texts {
		require.NoError(t, v.Verify(fmt.Sprint(i), strings.NewReader(text)))
	}
	return &v
}

func contents(t testing.TB, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	return string(text)
}

// write makes a log of n events in a new file, and returns its text.
func write(t testing.TB, file string, n int) string {
	t.Helper()
	l := open(t, file)
	for i := range n {
		l.Record(auditlog.Event{Kind: auditlog.Refused, Path: fmt.Sprintf("/%d/<&\n\"\u202e", i), Status: 403, UserID: "user_1"})
	}
	shut(t, l)
	return contents(t, file)
}

func TestAChainGoesOn(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "audit.log")
	first := write(t, file, 3)
	info, err := os.Stat(file)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	assert.Equal(t, 5, strings.Count(first, "\n"), "with start and stop")
	second := write(t, file, 2)
	assert.True(t, strings.HasPrefix(second, first))
	v := verify(t, second)
	assert.Empty(t, v.Problems)
	assert.Equal(t, 9, v.Lines)
	assert.EqualValues(t, 9, v.Seq)
	assert.Contains(t, first, `"event":"started","version":"1.2.3"`)
	assert.Contains(t, first, `"event":"stopped"`)
}

func TestARotatedLogGoesOn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, former := filepath.Join(dir, "audit.log"), filepath.Join(dir, "audit.log.1")
	l := open(t, file)
	l.Record(auditlog.Event{Kind: auditlog.Refused})
	l.Reopen() // it is the same file
	require.Eventually(t, func() bool { return strings.Contains(contents(t, file), "refused") }, 30*time.Second, time.Millisecond)
	require.NoError(t, os.Rename(file, former))
	l.Reopen()
	l.Record(auditlog.Event{Kind: auditlog.Revoked})
	shut(t, l)
	v := verify(t, contents(t, former), contents(t, file))
	assert.Empty(t, v.Problems)
	assert.Equal(t, 5, v.Lines)
	assert.NotContains(t, contents(t, former), "revoked")
	assert.True(t, strings.HasPrefix(contents(t, file), `{"seq":3,`))
	assert.Contains(t, contents(t, file), "reopened")
	assert.Empty(t, verify(t, contents(t, file)).Problems, "alone, too")
	assert.NotEmpty(t, verify(t, contents(t, file), contents(t, former)).Problems, "in the wrong order")
}

// A program was killed while it wrote.
func TestATornLine(t *testing.T) {
	t.Parallel()
	for _, keep := range []int{1, 20, 300} {
		file := filepath.Join(t.TempDir(), "audit.log")
		text := write(t, file, 3)
		torn := text[:min(len(text)-2, len(text)-1-keep%150)]
		require.NoError(t, os.WriteFile(file, []byte(torn), 0o600))
		require.Len(t, verify(t, torn).Problems, 1)
		again := write(t, file, 1)
		assert.True(t, strings.HasPrefix(again, torn+"\n"))
		assert.Contains(t, again, `"torn":true`)
		assert.Empty(t, verify(t, again).Problems)
		assert.Empty(t, verify(t, write(t, file, 1)).Problems)
	}
}

func TestAFileThatIsNone(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "other.log")
	require.NoError(t, os.WriteFile(file, []byte("something else\n"), 0o600))
	_, err := auditlog.Open(auditlog.Options{File: file})
	require.ErrorContains(t, err, "not a line of an audit log")
	_, err = auditlog.Open(auditlog.Options{File: t.TempDir()})
	require.Error(t, err)
	assert.Equal(t, "something else\n", contents(t, file))
}

func TestWhatWasDoneToALogShows(t *testing.T) {
	t.Parallel()
	text := write(t, filepath.Join(t.TempDir(), "audit.log"), 6)
	lines := strings.SplitAfter(strings.TrimSuffix(text, "\n"), "\n")
	lines[len(lines)-1] += "\n"
	join := func(lines ...[]string) string {
		var b strings.Builder
		for _, l := range lines {
			b.WriteString(strings.Join(l, ""))
		}
		return b.String()
	}
	for name, test := range map[string]struct {
		text string
		line int
		says string
	}{
		"one is changed":      {strings.Replace(text, "/2/", "/x/", 1), 5, "was changed"},
		"one is missing":      {join(lines[:3], lines[4:]), 4, "missing: after number 3 comes 5"},
		"two are exchanged":   {join(lines[:3], lines[4:5], lines[3:4], lines[5:]), 4, "missing"},
		"one is twice":        {join(lines[:3], lines[2:]), 4, "repeated"},
		"another is put in":   {join(lines[:3], []string{"{}\n"}, lines[3:]), 4, "not a line"},
		"the first is gone":   {join(lines[:0], []string{strings.Replace(lines[0], `"prev":"00`, `"prev":"01`, 1)}, lines[1:]), 1, "names a line before"},
		"a new one begins":    {text + text, 9, "new chain"},
		"an end is missing":   {text[:len(text)-10], 8, "not whole"},
		"a line is too long":  {join(lines[:3], []string{strings.Repeat("x", 200_000) + "\n"}, lines[3:]), 4, "too long"},
		"a line at the end":   {text + "other\n", 9, "not a line"},
		"a torn mark is lied": {join(lines[:3], []string{"x\n"}, []string{"y\n"}, lines[3:]), 4, "not a line"},
	} {
		v := verify(t, test.text)
		if assert.NotEmpty(t, v.Problems, name) {
			assert.Equal(t, test.line, v.Problems[0].Line, "%s: %s", name, v.Problems[0])
			assert.Contains(t, v.Problems[0].Text, test.says, name)
		}
	}
}

// disk fails while it is told to.
type disk struct {
	mu   sync.Mutex
	full bool
	out  bytes.Buffer
}

func (d *disk) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.full {
		return 0, errors.New("no space left on device")
	}
	return d.out.Write(p)
}

func (d *disk) set(full bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.full = full
}

// While nothing can be written events wait, and what is too much is counted in the chain.
func TestAFullDiskLosesNothingSilently(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := &disk{full: true}
		l, err := auditlog.Open(auditlog.Options{Writer: d})
		require.NoError(t, err)
		for range 10_100 {
			l.Record(auditlog.Event{Kind: auditlog.Refused})
		}
		time.Sleep(10 * time.Second)
		d.set(false)
		time.Sleep(2 * time.Second)
		l.Record(auditlog.Event{Kind: auditlog.Revoked})
		shut(t, l)
		l.Record(auditlog.Event{Kind: auditlog.Revoked}) // too late
		v := verify(t, d.out.String())
		assert.Empty(t, v.Problems)
		assert.Equal(t, 101, v.Lost)
		assert.Equal(t, 10_000+1+2, v.Lines)
	})
}

func TestCloseWaitsNoLongerThanItIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		l, err := auditlog.Open(auditlog.Options{Writer: w})
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, l.Close(ctx), context.DeadlineExceeded)
		_ = r.Close()
	})
}

func TestNilRecordsNothing(t *testing.T) {
	t.Parallel()
	var l *auditlog.Log
	l.Record(auditlog.Event{Kind: auditlog.Refused})
	l.Reopen()
	require.NoError(t, l.Close(t.Context()))
}

func FuzzVerify(f *testing.F) {
	text := write(f, filepath.Join(f.TempDir(), "audit.log"), 3)
	f.Add(text, 100, byte('x'))
	f.Add("{}\n", 0, byte(0))
	f.Fuzz(func(t *testing.T, other string, at int, b byte) {
		_ = verify(t, other) // whatever it is, it ends
		changed := []byte(text)
		if at < 0 || at >= len(changed) || changed[at] == b {
			return
		}
		changed[at] = b
		v := verify(t, string(changed))
		if len(v.Problems) == 0 { // only the last line can change unseen
			require.GreaterOrEqual(t, at, strings.LastIndexByte(strings.TrimSuffix(text, "\n"), '\n'))
			require.NotEqual(t, verify(t, text).Hash, v.Hash)
		}
	})
}
