package wire

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"golang.org/x/net/http/httpguts"
)

// Every byte at every place within a word of eight, against x/net's tables.
func TestBytes(t *testing.T) {
	t.Parallel()
	for c := range 256 {
		s := string([]byte{byte(c)})
		assert.Equal(t, httpguts.ValidHeaderFieldName(s), IsToken(s), "token %q", s)
		assert.Equal(t, httpguts.ValidHostHeader(s), HasHostBytes(s), "host %q", s)
		for before := range 9 {
			v := strings.Repeat("a", before) + s + "\x80\xffaaaaaaa"
			assert.Equal(t, httpguts.ValidHeaderFieldValue(v), IsValue(v), "value %q", v)
		}
	}
	assert.False(t, IsToken(""))
	assert.True(t, IsValue(""))
}

func TestEqualFold(t *testing.T) {
	t.Parallel()
	for _, same := range [][2]string{{"", ""}, {"Chunked", "cHUNKED"}, {"a-b", "A-B"}} {
		assert.True(t, EqualFold(same[0], same[1]), same[0])
	}
	for _, differ := range [][2]string{{"a", ""}, {"chun\u212aed", "chunked"}, {"@", "`"}, {"[", "{"}, {"-", "\r"}, {"close", "closed"}} {
		assert.False(t, EqualFold(differ[0], differ[1]), differ[0])
		assert.False(t, EqualFold(differ[1], differ[0]), differ[0])
	}
}

func TestHasToken(t *testing.T) {
	t.Parallel()
	for _, lines := range [][]string{{"Upgrade"}, {"keep-alive, upgrade"}, {"keep-alive", " ,\tUPGRADE ,"}} {
		assert.True(t, HasToken(lines, "Upgrade"), lines)
	}
	for _, lines := range [][]string{nil, {""}, {"upgrades"}, {"upgrade;q=1"}, {"keep alive upgrade"}, {"\"upgrade\""}, {"upgrade\u00a0"}} {
		assert.False(t, HasToken(lines, "Upgrade"), lines)
	}
}

func FuzzGrammar(f *testing.F) {
	f.Add("content-type", "text/html")
	f.Fuzz(func(t *testing.T, name, value string) {
		assert.Equal(t, httpguts.ValidHeaderFieldName(name), IsToken(name))
		assert.Equal(t, httpguts.ValidHeaderFieldValue(value), IsValue(value))
		assert.Equal(t, httpguts.HeaderValuesContainsToken([]string{value}, "chunked"), HasToken([]string{value}, "chunked"))
		normal := NormalName(name)
		assert.True(t, IsNormal(name, normal))
		assert.Equal(t, normal, NormalName(normal))
		if canonical, host, ok := CanonicalHost(value); ok {
			again, hostAgain, ok := CanonicalHost(host)
			assert.Equal(t, [3]any{canonical, host, true}, [3]any{again, hostAgain, ok})
			assert.True(t, HasHostBytes(host))
		}
	})
}

// Whole words are looked at in another way than what is left of a name or value.
func TestWordsAgreeWithBytes(t *testing.T) {
	t.Parallel()
	const name = "X-Forwarded-Proto-And-More"
	for n := range len(name) {
		for at := range n {
			for c := range 256 {
				b := []byte(name[:n])
				b[at] = byte(c)
				s := string(b)
				if IsToken(s) != isTokenSlowly(s) || IsValue(s) != isValueSlowly(s) {
					t.Fatalf("%q", s)
				}
			}
		}
	}
}

func TestMergeVary(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ lines, more, want []string }{
		"nothing":                {nil, nil, nil},
		"nothing more":           {[]string{"Accept"}, nil, []string{"Accept"}},
		"nothing before":         {nil, []string{"Cookie, Authorization"}, []string{"Cookie, Authorization"}},
		"another":                {[]string{"Accept-Encoding"}, []string{"Cookie, Authorization"}, []string{"Accept-Encoding", "Cookie, Authorization"}},
		"some of it":             {[]string{"accept-encoding , cookie"}, []string{"Cookie, Authorization"}, []string{"accept-encoding , cookie", "Authorization"}},
		"all of it":              {[]string{"Authorization", "COOKIE"}, []string{"Cookie, Authorization"}, []string{"Authorization", "COOKIE"}},
		"everything":             {[]string{"Accept", " * "}, []string{"Cookie, Authorization"}, []string{"Accept", " * "}},
		"twice among what's new": {[]string{"Accept"}, []string{"Cookie", "Origin, cookie"}, []string{"Accept", "Cookie, Origin"}},
		"empty members":          {[]string{",Accept,"}, []string{", Cookie,"}, []string{",Accept,", "Cookie"}},
	} {
		before := slices.Clone(test.lines)
		assert.Equal(t, test.want, MergeVary(test.lines, test.more), name)
		assert.Equal(t, before, test.lines, name)
	}
}
