package javascript

import (
	"math"
	"math/big"
	"strconv"
	"strings"
)

// OrZero is JavaScript's n || 0.
func OrZero(n float64) float64 {
	if math.IsNaN(n) {
		return 0
	}
	return n
}

// ParseInt is JavaScript's parseInt(s): it skips white space, reads a sign and 0x if
// present, and then digits, and ignores the rest. Without a digit it returns NaN.
func ParseInt(s string) float64 {
	s = strings.TrimLeftFunc(s, IsSpace)
	sign := 1.0
	if s != "" && (s[0] == '+' || s[0] == '-') {
		if s[0] == '-' {
			sign = -1
		}
		s = s[1:]
	}
	base := 10.0
	if len(s) > 1 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X') {
		base, s = 16, s[2:]
	}
	n := math.NaN()
	for i := range len(s) {
		d, ok := digit(s[i])
		if !ok || d >= base {
			break
		}
		n = OrZero(n)*base + d
	}
	return sign * n
}

func digit(b byte) (float64, bool) {
	switch {
	case b >= '0' && b <= '9':
		return float64(b - '0'), true
	case b >= 'a' && b <= 'f':
		return float64(b-'a') + 10, true
	case b >= 'A' && b <= 'F':
		return float64(b-'A') + 10, true
	}
	return 0, false
}

// Number is JavaScript's Number(s): without white space around it, the whole text must
// be a decimal, hexadecimal, octal or binary number, or Infinity. Otherwise the result
// is NaN.
func Number(s string) float64 {
	s = strings.TrimFunc(s, IsSpace)
	if s == "" {
		return 0
	}
	if len(s) > 2 && s[0] == '0' {
		switch s[1] {
		case 'x', 'X':
			return radixNumber(s[2:], 16)
		case 'o', 'O':
			return radixNumber(s[2:], 8)
		case 'b', 'B':
			return radixNumber(s[2:], 2)
		}
	}
	switch s {
	case "Infinity", "+Infinity":
		return math.Inf(1)
	case "-Infinity":
		return math.Inf(-1)
	}
	// ParseFloat also takes "inf", "nan", underscores and hexadecimal floats.
	if strings.Trim(s, "0123456789.eE+-") != "" {
		return math.NaN()
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil && !math.IsInf(n, 0) {
		return math.NaN()
	}
	return n
}

// radixNumber reads an unsigned number in the given base.
func radixNumber(s string, base int) float64 {
	for i := range len(s) {
		if _, err := strconv.ParseUint(s[i:i+1], base, 8); err != nil {
			return math.NaN()
		}
	}
	s = strings.TrimLeft(s, "0")
	if len(s) > 1024 { // out of range in every base; big.Int would take a long time
		return math.Inf(1)
	}
	if s == "" {
		return 0
	}
	n, ok := new(big.Int).SetString(s, base)
	if !ok {
		return math.NaN()
	}
	f, _ := new(big.Float).SetInt(n).Float64()
	return f
}

// FormatNumber is JavaScript's String(n).
func FormatNumber(n float64) string {
	switch {
	case math.IsNaN(n):
		return "NaN"
	case math.IsInf(n, 1):
		return "Infinity"
	case math.IsInf(n, -1):
		return "-Infinity"
	case n == 0:
		return "0"
	}
	abs := math.Abs(n)
	if abs >= 1e21 || abs < 1e-6 {
		s := strconv.FormatFloat(n, 'e', -1, 64)
		// JavaScript writes 1e-7, Go 1e-07.
		mantissa, exponent, _ := strings.Cut(s, "e")
		return mantissa + "e" + exponent[:1] + strings.TrimLeft(exponent[1:], "0")
	}
	return strconv.FormatFloat(n, 'f', -1, 64)
}
