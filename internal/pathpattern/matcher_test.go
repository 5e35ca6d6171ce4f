package pathpattern

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/dlclark/regexp2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// vectors are what match of @clerk/shared's pathToRegexp answered in Node.js,
// parameters passed through String.
type vectors struct {
	Paths []string
	Cases []struct {
		Patterns []string
		Error    bool
		Matches  map[string]map[string]string
	}
}

func loadVectors(t testing.TB) vectors {
	t.Helper()
	data, err := os.ReadFile("testdata/vectors.json")
	require.NoError(t, err)
	var v vectors
	require.NoError(t, json.Unmarshal(data, &v))
	require.NotEmpty(t, v.Paths)
	require.NotEmpty(t, v.Cases)
	return v
}

func TestMain(m *testing.M) {
	code := m.Run()
	regexp2.StopTimeoutClock() // the engine's clock outlives a match for a while
	os.Exit(code)
}

func TestMatchAgreesWithJavaScript(t *testing.T) {
	t.Parallel()
	v := loadVectors(t)
	for _, c := range v.Cases {
		t.Run(strings.Join(c.Patterns, " or "), func(t *testing.T) {
			t.Parallel()
			m, err := Compile(c.Patterns)
			if c.Error {
				require.Error(t, err)
				assert.Nil(t, m)
				assert.Contains(t, err.Error(), "path pattern ")
				return
			}
			require.NoError(t, err)
			for _, path := range v.Paths {
				params, ok := m.Match(path)
				want, wantOK := c.Matches[path]
				assert.Equal(t, wantOK, ok, "%q", path)
				assert.Equal(t, want, params, "%q", path)
			}
		})
	}
}

func TestCompileNamesEveryBadPattern(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]string{
		"/:":           `path pattern "/:": missing parameter name at 1`,
		"/x(":          "unbalanced parenthesis at 2",
		"/x()":         "missing regular expression at 2",
		"/:a(?:x)":     `cannot start with "?" at 4`,
		"/:a((x))":     "capturing groups are not allowed at 4",
		"/:a((?<n>x))": "capturing groups are not allowed",
		"/:a:b":        `no text between the parameter "a" and the next one`,
		"/{a":          "unexpected end of pattern at 3, expected }",
		"/a}":          "unexpected } at 2, expected end of pattern",
		":a+":          `cannot repeat "a" without a prefix and suffix`,
		`/a\`:          "backslash at the end",
		"/:a(a{2,1})":  "path pattern",
		"/:a([)":       "path pattern",
	} {
		_, err := Compile([]string{"/fine", pattern})
		assert.ErrorContains(t, err, want, pattern)
	}
	_, err := Compile([]string{"/:", "/fine", "/("})
	require.Error(t, err)
	assert.Contains(t, err.Error(), `"/:"`)
	assert.Contains(t, err.Error(), `"/("`)
}

func TestNothingMatchesWithoutPatterns(t *testing.T) {
	t.Parallel()
	empty, err := Compile(nil)
	require.NoError(t, err)
	for _, m := range []*Matcher{nil, {}, empty} {
		_, ok := m.Match("/")
		assert.False(t, ok)
	}
}

func TestRunawayExpressionDoesNotMatch(t *testing.T) {
	t.Parallel()
	m, err := Compile([]string{"/:a((?:a+)+)!"})
	require.NoError(t, err)
	_, ok := m.Match("/" + strings.Repeat("a", 60))
	assert.False(t, ok)
}

func TestDefaultParametersAreLinear(t *testing.T) {
	t.Parallel()
	m, err := Compile([]string{"/:a+/:b+/:c+/:d+/end"})
	require.NoError(t, err)
	_, ok := m.Match(strings.Repeat("/a", 5000))
	assert.False(t, ok)
}

func FuzzCompile(f *testing.F) {
	v := loadVectors(f)
	for i, c := range v.Cases {
		f.Add(c.Patterns[0], v.Paths[i%len(v.Paths)])
	}
	f.Fuzz(func(t *testing.T, pattern, path string) {
		if m, err := Compile([]string{pattern}); err == nil {
			m.Match(path)
		} else if m != nil {
			t.Fatal("a matcher came with an error")
		}
	})
}
