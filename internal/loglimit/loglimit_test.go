package loglimit_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/clerkgate/clerkgate/internal/loglimit"
	"github.com/clerkgate/clerkgate/internal/test/kit"
)

func TestAMessageThatRepeats(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out kit.Buffer
		h := loglimit.New(slog.NewTextHandler(&out, nil), nil)
		l := slog.New(h).With("a", 1).WithGroup("g")
		for range 25 {
			l.Warn("again", "n", 1)
			l.Info("of no account")
		}
		l.Error("another")
		for range 25 {
			l.WarnContext(loglimit.Always(t.Context()), "waited for")
		}
		text := out.String()
		assert.Equal(t, 25, strings.Count(text, "waited for"))
		assert.Equal(t, loglimit.First, strings.Count(text, "msg=again"))
		assert.Equal(t, 25, strings.Count(text, "of no account"))
		assert.Equal(t, 1, strings.Count(text, "msg=another"))
		assert.NotContains(t, text, "left_out")

		time.Sleep(loglimit.Interval)
		synctest.Wait()
		assert.Equal(t, 1, strings.Count(out.String(), "level=WARN msg=again left_out=15\n"), "it is told though none comes")
		l.Warn("again")
		assert.Equal(t, 1, strings.Count(out.String(), "left_out"), "and told once")

		for range 12 {
			l.Warn("again")
		}
		h.Close()
		assert.Contains(t, out.String(), "msg=again left_out=3\n", "at the end at the latest")
	})
}

func TestTheNextLineSaysHowManyWereLeftOut(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	now := time.Now()
	h := loglimit.New(slog.NewTextHandler(&out, nil), func() time.Time { return now })
	l := slog.New(h)
	for range loglimit.First + 2 {
		l.Warn("again")
	}
	now = now.Add(loglimit.Interval)
	l.Warn("again", "n", 1)
	assert.Contains(t, out.String(), "msg=again n=1 left_out=2\n")
	h.Close()
	assert.Equal(t, 1, strings.Count(out.String(), "left_out"))
}
