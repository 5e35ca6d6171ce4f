package javascript_test

import (
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/javascript"
)

func TestParseInt(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]float64{
		"": 0, "5abc": 5, "-1": -1, "+7": 7, "0x10": 16, "00": 0, "abc": 0, " \t12": 12, "1.9": 1, "1e3": 1, "0x": 0, "-": 0, "1790000000": 1790000000,
	} {
		assert.InDelta(t, want, javascript.OrZero(javascript.ParseInt(in)), 0, in)
	}
}

func TestNumber(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]float64{
		"": 0, "3": 3, "0x3": 3, "3abc": 0, "-1": -1, " 3 ": 3, "3.0": 3, "3e0": 3, "0b11": 3, "0o3": 3, "1_0": 0, "nan": 0, "inf": 0, ".5": .5, "5.": 5, "0x": 0, "-0x3": 0, "e": 0,
	} {
		assert.InDelta(t, want, javascript.OrZero(javascript.Number(in)), 0, in)
	}
}

func TestFormatNumber(t *testing.T) {
	t.Parallel()
	for want, in := range map[string]float64{"1": 1, "0": 0, "2.5": 2.5, "-3": -3, "1e+21": 1e21, "1e-7": 1e-7, "100000": 1e5} {
		assert.Equal(t, want, javascript.FormatNumber(in))
	}
}

func TestBytesThatAreNotUTF8(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"\xe2\x82":         "\ufffd",
		"\xe2\x82a":        "\ufffda",
		"\xc0\x80":         "\ufffd\ufffd",
		"\xed\xa0\x80":     "\ufffd\ufffd\ufffd",
		"\xf0\x9f\x98\xff": "\ufffd\ufffd",
		"ok\ufffd":         "ok\ufffd",
	} {
		assert.Equal(t, want, javascript.ReplaceInvalid(in), "%q", in)
		assert.Equal(t, want, string(javascript.DecodeText([]byte("\uFEFF"+in))), "%q", in)
	}
}

// jsSpace is JavaScript's white space and line ends, one by one.
const jsSpace = " \t\n\v\f\r\u00a0\ufeff\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"

func TestSpace(t *testing.T) {
	t.Parallel()
	for r := range rune(0x10000) {
		assert.Equal(t, strings.ContainsRune(jsSpace, r), javascript.IsSpace(r), "%U", r)
	}
}

func TestValues(t *testing.T) {
	t.Parallel()
	nan := math.NaN()
	tests := []struct {
		raw    string
		truthy bool
		number float64
	}{
		{"", false, nan}, {"null", false, 0}, {"false", false, 0}, {"true", true, 1}, {"0", false, 0}, {"-0", false, 0}, {"1.5", true, 1.5},
		{"1e999", true, math.Inf(1)}, {`""`, false, 0}, {`"0"`, true, 0}, {`" 12 "`, true, 12}, {`"x"`, true, nan}, {"{}", true, nan},
		{"[]", true, 0}, {"[5]", true, 5}, {`["7"]`, true, 7}, {"[[3]]", true, 3}, {"[1,2]", true, nan}, {"[true]", true, nan}, {"[null]", true, 0},
	}
	for _, tt := range tests {
		v := javascript.Value{Raw: []byte(tt.raw)}
		if tt.raw == "" {
			v = javascript.Value{}
		}
		assert.Equal(t, tt.truthy, v.Truthy(), tt.raw)
		if got := v.ToNumber(); math.IsNaN(tt.number) {
			assert.True(t, math.IsNaN(got), tt.raw)
		} else {
			assert.InDelta(t, tt.number, got, 0, tt.raw)
		}
	}
}

var (
	jsParseInt = regexp.MustCompile(`^[` + jsSpace + `]*([+-]?)(?:0[xX]([0-9a-fA-F]*)|([0-9]*))`)
	jsDecimal  = regexp.MustCompile(`^[` + jsSpace + `]*([+-]?(?:Infinity|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?))[` + jsSpace + `]*$`)
	jsRadix    = regexp.MustCompile(`^[` + jsSpace + `]*(0[xX][0-9a-fA-F]+|0[oO][0-7]+|0[bB][01]+)[` + jsSpace + `]*$`)
)

// FuzzNumbers compares with JavaScript's grammar of numbers written as regular
// expressions, and prints what was parsed.
func FuzzNumbers(f *testing.F) {
	for _, seed := range []string{
		"", "3", "0x3", "3abc", "-1", " 3 ", "1e400", "-0", "0x1ffffffffffffffffff", "0b102", "0o17", "1_0", "+.5e-3", "5.", ".", "Infinity", "-Infinityx",
		"\u00a07\ufeff", "0x", "inf", "NaN", "1e", "0x1p4", "1790000000", "99999999999999999999999", "0X+5", "--5", "0b" + strings.Repeat("1", 1024),
		"0b" + strings.Repeat("1", 1025), "0x" + strings.Repeat("0", 2000) + "3", "0x00",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		i := slowParseInt(s)
		require.InDelta(t, i, javascript.OrZero(javascript.ParseInt(s)), math.Abs(i)*1e-12, "parseInt(%q)", s)
		n := javascript.OrZero(javascript.Number(s))
		require.Equal(t, slowNumber(s), n, "Number(%q)", s) //nolint:testifylint // both must round alike
		require.False(t, math.IsNaN(n))
		require.Equal(t, n, javascript.Number(javascript.FormatNumber(n)), "printed as %s", javascript.FormatNumber(n)) //nolint:testifylint // the same number
	})
}

func slowParseInt(s string) float64 {
	m := jsParseInt.FindStringSubmatch(s)
	digits, base := m[3], 10
	if m[2] != "" {
		digits, base = m[2], 16
	}
	n, ok := new(big.Int).SetString(digits, base)
	if !ok {
		return 0
	}
	v, _ := new(big.Float).SetInt(n).Float64()
	if m[1] == "-" {
		v = -v
	}
	return v
}

func slowNumber(s string) float64 {
	if m := jsRadix.FindStringSubmatch(s); m != nil {
		n, _ := new(big.Int).SetString(strings.ToLower(m[1]), 0)
		v, _ := new(big.Float).SetInt(n).Float64()
		return v
	}
	if m := jsDecimal.FindStringSubmatch(s); m != nil {
		v, _ := strconv.ParseFloat(m[1], 64) // out of range is ±Inf, as in JavaScript
		return v
	}
	return 0
}
