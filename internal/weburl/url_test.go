package weburl

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// vectors are what the URL class of Node.js 20 answered.
type vectors struct {
	URLs []struct {
		Input string
		Base  *string
		URL   map[string]string // nil: the constructor throws
	}
	Pathnames []struct{ Href, Path, Want string }
	Queries   []struct {
		Href  string
		Op    []string
		Want  string
		Value *string
		Has   bool
	}
}

// refused lists hosts that JavaScript accepts and this package does not; see
// the package comment.
var refused = []string{
	"http://+1/", "http://-1/", "http://0x-1/", "http://a.+1/", "http://a.-1/",
	"http://xn--1ch/", "http://xn--zz--/", "http://a≠b/", "http://≠.x/", "http://é_.x/", "http://1א/",
}

func loadVectors(t testing.TB) vectors {
	t.Helper()
	data, err := os.ReadFile("testdata/whatwg.json")
	require.NoError(t, err)
	var v vectors
	require.NoError(t, json.Unmarshal(data, &v))
	require.NotEmpty(t, v.URLs)
	require.NotEmpty(t, v.Pathnames)
	require.NotEmpty(t, v.Queries)
	return v
}

func TestParseAgreesWithJavaScript(t *testing.T) {
	t.Parallel()
	for _, c := range loadVectors(t).URLs {
		name := c.Input
		parse := func() (*URL, error) { return Parse(c.Input) }
		if c.Base != nil {
			name += " on " + *c.Base
			parse = func() (*URL, error) { return ParseRef(c.Input, *c.Base) }
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u, err := parse()
			if c.URL == nil || slices.Contains(refused, c.Input) {
				require.ErrorIs(t, err, ErrInvalid)
				assert.Nil(t, u)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, c.URL, map[string]string{
				"href": u.Href(), "origin": u.Origin(), "protocol": u.scheme + ":",
				"host": u.Host(), "hostname": u.Hostname(), "port": u.Port(),
				"pathname": u.Pathname(), "search": u.Search(), "hash": prefixed("#", u.fragment),
			})
		})
	}
}

func prefixed(sign, s string) string {
	if s == "" {
		return ""
	}
	return sign + s
}

func TestSetPathnameAgreesWithJavaScript(t *testing.T) {
	t.Parallel()
	for _, c := range loadVectors(t).Pathnames {
		t.Run(c.Href+" "+c.Path, func(t *testing.T) {
			t.Parallel()
			u, err := Parse(c.Href)
			require.NoError(t, err)
			u.SetPathname(c.Path)
			assert.Equal(t, c.Want, u.Href())
		})
	}
}

func TestQueryAgreesWithJavaScript(t *testing.T) {
	t.Parallel()
	for _, c := range loadVectors(t).Queries {
		t.Run(c.Href, func(t *testing.T) {
			t.Parallel()
			u, err := Parse(c.Href)
			require.NoError(t, err)
			switch c.Op[0] {
			case "get":
				v, ok := u.Get(c.Op[1])
				assert.Equal(t, c.Has, ok, c.Op)
				if c.Value != nil {
					assert.Equal(t, *c.Value, v, c.Op)
				}
			case "delete":
				u.Delete(c.Op[1:]...)
			case "append":
				u.Append(c.Op[1], c.Op[2])
			case "set":
				u.Set(c.Op[1], c.Op[2])
			}
			assert.Equal(t, c.Want, u.Href(), c.Op)
		})
	}
}

func TestCloneIsIndependent(t *testing.T) {
	t.Parallel()
	u, err := Parse("https://app.example/a?x=1#f")
	require.NoError(t, err)
	c := u.Clone()
	c.Set("x", "2")
	c.SetPathname("/b")
	assert.Equal(t, "https://app.example/a?x=1#f", u.Href())
	assert.Equal(t, "https://app.example/b?x=2#f", c.Href())
}

func TestErrorsDoNotRepeatTheInput(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{"http://secret host/", "secret", "http://h:secret/", "http://[secret]/", "http://xn--secret-zzzzz/"} {
		_, err := Parse(raw)
		require.ErrorIs(t, err, ErrInvalid)
		assert.NotContains(t, err.Error(), "secret")
	}
}

func TestHugeURLsAreRefusedQuickly(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{
		"http://h/" + strings.Repeat("a", maxLength),
		"http://h" + strings.Repeat("/", maxSlashes+1),
		"http://h" + strings.Repeat(`\`, maxSlashes+1),
		"http://h/" + strings.Repeat("é", 8<<10),
		"foo://" + strings.Repeat("%", maxAuthority+1),
		"foo:/\t/" + strings.Repeat("x", maxAuthority+1),
		"http:" + strings.Repeat("@", maxAuthority+1) + "h",
		"http:///" + strings.Repeat("@", maxAuthority+1) + "h",
	} {
		_, err := Parse(raw)
		assert.ErrorIs(t, err, ErrTooLong, raw[:10])
		assert.ErrorIs(t, err, ErrInvalid, raw[:10])
	}
	_, err := Parse("http://h/" + strings.Repeat("a/", 500) + "?" + strings.Repeat("/%", 10_000))
	assert.NoError(t, err)
}

// FuzzParse holds three laws: no panic, a printed URL reads back as itself, and
// a query that was written once stays the same.
func FuzzParse(f *testing.F) {
	for _, c := range loadVectors(f).URLs {
		f.Add(c.Input)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := Parse(raw)
		if err != nil {
			return
		}
		href := u.Href()
		again, err := Parse(href)
		if err != nil {
			t.Fatalf("%q does not parse: %v", href, err)
		}
		if again.Href() != href {
			t.Fatalf("%q became %q", href, again.Href())
		}
		u.Delete()
		href = u.Href()
		u.Delete()
		if u.Href() != href {
			t.Fatalf("query of %q became %q", href, u.Href())
		}
	})
}
