//go:build linux

package chaos

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
)

var update = flag.Bool("update", false, "write the table of docs/failures.md anew")

// Names of the contenders, as in the table.
const (
	clerkgate    = "clerkgate"
	haProxy      = "HAProxy"
	reverseProxy = "ReverseProxy"
)

// result is how a contender came through a script.
type result struct {
	requests, failed int64
	// twice counts requests that are not to be repeated, and were.
	twice int
	note  string // in the table, beside the count
}

func (r result) String() string {
	text := fmt.Sprintf("%d of %d", r.failed, r.requests)
	if r.failed == 0 {
		text = "none of " + fmt.Sprint(r.requests)
	}
	if r.note != "" {
		text += ", " + r.note
	}
	return text
}

// row is one script.
type row struct {
	name string
	// script plays it with one contender; header is what its requests carry.
	script func(t *testing.T, c contender, header string) result
	// most is how many requests clerkgate may lose.
	most int64
	// bites says that the bare reverse proxy must lose some, or the script would
	// prove nothing.
	bites bool
	// alone says that the script is about what the others do not do.
	alone bool
}

// rows are the scripts in the order of the table.
func rows() []row {
	return []row{
		{name: "The application restarts", script: restart, bites: true},
		{name: "It closes connections between requests", script: closeKept},
		{name: "It closes them when its `Keep-Alive` said", script: keepAliveHint},
		{name: "It closes them as a request arrives", script: meetTheClose, most: 3 * raceRounds, bites: true},
		{name: "Nobody reads the log", script: nobodyReads, bites: true},
		{name: "The log's reader leaves", script: readerLeaves, bites: true},
		{name: "Strangers use up Clerk's rate limit", script: strangers, alone: true},
	}
}

func TestFailures(t *testing.T) {
	clerk := clerktest.NewServer(t, clerktest.Options{TokenLifetime: time.Hour})
	header := "Authorization: Bearer " + clerk.Token(clerk.SignIn("jane@example.com").ID, "") + "\r\n"
	all := contenders(t, clerk)
	var mu sync.Mutex
	results := make(map[string]map[string]result)
	t.Run("scripts", func(t *testing.T) {
		for _, r := range rows() {
			results[r.name] = make(map[string]result)
			for _, c := range all {
				if r.alone && c.name != clerkgate {
					continue
				}
				t.Run(r.name+"/"+c.name, func(t *testing.T) {
					t.Parallel()
					got := r.script(t, c, header)
					mu.Lock()
					defer mu.Unlock()
					results[r.name][c.name] = got
				})
			}
		}
	})
	if t.Failed() {
		return
	}
	for _, r := range rows() {
		got := results[r.name]
		ours, ran := got[clerkgate]
		if !ran {
			continue // -run chose others
		}
		assert.LessOrEqual(t, ours.failed, r.most, r.name)
		assert.Zero(t, ours.twice, "%s: what is not to be repeated came twice", r.name)
		if theirs, ran := got[haProxy]; ran {
			assert.LessOrEqual(t, ours.failed, theirs.failed, "%s: HAProxy loses fewer", r.name)
		}
		if theirs, ran := got[reverseProxy]; ran && r.bites {
			assert.Positive(t, theirs.failed, "%s: the script proves nothing", r.name)
		}
	}
	table := tableOf(results, all)
	t.Logf("requests that were lost:\n%s", table)
	if *update {
		require.Len(t, all, 3, "the table wants HAProxy")
		writeTable(t, "TestFailures", table)
	}
}

func tableOf(results map[string]map[string]result, all []contender) string {
	var b strings.Builder
	called := versions()
	b.WriteString("| |")
	for _, c := range all {
		b.WriteString(" " + called[c.name] + " |")
	}
	b.WriteString("\n| --- |" + strings.Repeat(" --- |", len(all)) + "\n")
	for _, r := range rows() {
		b.WriteString("| " + r.name + " |")
		for _, c := range all {
			if got, ran := results[r.name][c.name]; ran {
				b.WriteString(" " + got.String() + " |")
			} else {
				b.WriteString(" – |")
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

// page is where the table is shown.
const page = "../../../docs/failures.md"

// writeTable puts the table of a test between its marks on the page.
func writeTable(t testing.TB, test, table string) {
	t.Helper()
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	mark := "-run " + test + " -update -->\n"
	before, rest, found := strings.Cut(string(text), mark)
	require.True(t, found)
	_, after, found := strings.Cut(rest, "<!-- end -->")
	require.True(t, found)
	require.NoError(t, os.WriteFile(page, []byte(before+mark+table+"<!-- end -->"+after), 0o600))
}

// The page has every script, and none that is gone.
func TestPageShowsEveryScript(t *testing.T) {
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	_, rest, _ := strings.Cut(string(text), "| --- |")
	_, rest, _ = strings.Cut(rest, "\n")
	table, _, found := strings.Cut(rest, "<!-- end -->")
	require.True(t, found)
	var shown, want []string
	for line := range strings.Lines(table) {
		shown = append(shown, strings.TrimSpace(strings.Split(line, "|")[1]))
	}
	for _, r := range rows() {
		want = append(want, r.name)
	}
	assert.Equal(t, want, shown, "go test -count=1 ./internal/test/chaos -run TestFailures -update")
}
