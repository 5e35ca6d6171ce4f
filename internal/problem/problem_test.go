package problem_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"

	"github.com/clerkgate/clerkgate/internal/problem"
)

func TestProblemReadsAsOneLine(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		problem problem.Problem
		want    string
	}{
		{problem.Problem{Where: "X"}, "X"},
		{problem.Problem{Found: `"a"`, Want: "a number"}, `found "a"; expected a number`},
		{problem.Problem{Where: "X", Want: "a number"}, "X: expected a number"},
		{problem.Problem{Where: "X", Found: `"a"`, Want: "a number"}, `X: found "a"; expected a number`},
		{problem.Problem{Where: "X", Found: "nothing", Remedy: "Copy it from the dashboard."}, "X: found nothing. Copy it from the dashboard."},
	} {
		assert.Equal(t, test.want, test.problem.String())
	}
}

func TestQuoteShowsAPartOnOneLine(t *testing.T) {
	t.Parallel()
	assert.Equal(t, `"a\nb"`, problem.Quote("a\nb"))
	long := problem.Quote(strings.Repeat("ä", 100))
	assert.Less(t, len(long), 70)
	assert.True(t, utf8.ValidString(long))
	assert.NotContains(t, problem.QuoteURL("https://jane:secret@example.com"), "secret")
}

func TestNearestSuggestsOnlyNearWords(t *testing.T) {
	t.Parallel()
	known := []string{"CLERK_SECRET_KEY", "CLERKGATE_LISTEN"}
	assert.Equal(t, "CLERKGATE_LISTEN", problem.Nearest("CLERKGATE_LISTN", known))
	assert.Equal(t, "CLERKGATE_LISTEN", problem.Nearest("clerkgate_listen", known))
	assert.Empty(t, problem.Nearest("SOMETHING_ELSE_ALTOGETHER_IN_LENGTH", known))
	assert.Equal(t, "a, b or c", problem.OneOf([]string{"a", "b", "c"}))
}

func TestAtNamesThePlace(t *testing.T) {
	t.Parallel()
	bad := &problem.Problem{Found: `"a"`, Want: "a number"}
	assert.Equal(t, problem.Problem{Where: "X", Found: `"a"`, Want: "a number"}, problem.At("X", fmt.Errorf("read: %w", bad)))
	assert.Equal(t, problem.Problem{Where: "X", Found: "gone"}, problem.At("X", errors.New("gone")))
}

func TestDurationReadsAsAPersonWritesIt(t *testing.T) {
	t.Parallel()
	for want, d := range map[string]time.Duration{
		"10s": 10 * time.Second, "1m": time.Minute, "1m30s": 90 * time.Second, "1h": time.Hour, "1h1m": 61 * time.Minute,
		"1h0m1s": time.Hour + time.Second, "250ms": 250 * time.Millisecond, "0s": 0,
	} {
		assert.Equal(t, want, problem.Duration(d))
	}
}
