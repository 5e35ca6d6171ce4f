package exchange

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// Near-equal keys have names of their own, whatever their parts hold.
func TestFlightNamesAreTheKeys(t *testing.T) {
	t.Parallel()
	parts := []string{"", "a", "b", "ab", "a b", " ", "1:a", " 1:a", "a 1:b", "0:", ":", "a :a", " :a", "a :", "\x00"}
	seen := map[string]Key{}
	for _, s := range parts {
		for _, template := range parts {
			for _, version := range parts {
				key := Key{s, template, version}
				other, ok := seen[key.flight(1)]
				assert.False(t, ok, "%q and %q", key, other)
				seen[key.flight(1)] = key
			}
		}
	}
	assert.NotEqual(t, Key{}.flight(1), Key{}.flight(2))
}

func FuzzFlightNames(f *testing.F) {
	f.Add("a", "b", "c", "a", "b c", "")
	f.Fuzz(func(t *testing.T, s1, t1, v1, s2, t2, v2 string) {
		a, b := Key{s1, t1, v1}, Key{s2, t2, v2}
		if (a == b) != (a.flight(7) == b.flight(7)) {
			t.Errorf("%q and %q", a, b)
		}
	})
}
