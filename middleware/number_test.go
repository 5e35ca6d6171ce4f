package middleware

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestParseLeadingInt(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]float64{
		"": 0, "5abc": 5, "-1": -1, "+7": 7, "0x10": 16, "00": 0, "abc": 0, " \t12": 12, "1.9": 1, "1e3": 1, "0x": 0, "-": 0, "1790000000": 1790000000,
	} {
		assert.InDelta(t, want, parseLeadingInt(in), 0, in)
	}
}

func TestParseNumber(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]float64{
		"": 0, "3": 3, "0x3": 3, "3abc": 0, "-1": -1, " 3 ": 3, "3.0": 3, "3e0": 3, "0b11": 3, "0o3": 3, "1_0": 0, "nan": 0, "inf": 0, ".5": .5, "5.": 5, "0x": 0, "-0x3": 0, "e": 0,
	} {
		assert.InDelta(t, want, parseNumber(in), 0, in)
	}
}

func TestFormatNumber(t *testing.T) {
	t.Parallel()
	for want, in := range map[string]float64{"1": 1, "0": 0, "2.5": 2.5, "-3": -3, "1e+21": 1e21, "1e-7": 1e-7, "100000": 1e5} {
		assert.Equal(t, want, formatNumber(in))
	}
}
