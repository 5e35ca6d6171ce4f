package middleware

import (
	"math"
	"math/big"
	"strconv"
	"strings"
)

// parseLeadingInt is JavaScript's parseInt(s) || 0, by which Clerk's SDK reads
// client_uat: leading white space, a sign, 0x, then digits up to anything else.
func parseLeadingInt(s string) float64 {
	s = strings.TrimLeft(s, jsSpace)
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
	var n float64
	for i := range len(s) {
		d, ok := digit(s[i])
		if !ok || d >= base {
			break
		}
		n = n*base + d
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

// parseNumber is JavaScript's Number(s) || 0, by which the redirect count is read:
// the whole text must be a number, hexadecimal, octal and binary included.
func parseNumber(s string) float64 {
	if s == "" {
		return 0 // the usual case, and ParseFloat would build an error for it
	}
	s = strings.Trim(s, jsSpace)
	if len(s) > 2 && s[0] == '0' {
		if base, ok := map[byte]int{'x': 16, 'X': 16, 'o': 8, 'O': 8, 'b': 2, 'B': 2}[s[1]]; ok {
			return parseDigits(s[2:], base)
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
		return 0
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil && !math.IsInf(n, 0) {
		return 0
	}
	return n
}

// parseDigits reads digits and nothing else; 0 where there is something else.
func parseDigits(s string, base int) float64 {
	for i := range len(s) {
		if d, ok := digit(s[i]); !ok || d >= float64(base) {
			return 0
		}
	}
	s = strings.TrimLeft(s, "0")
	if len(s) > 1024 { // out of range in every base; big.Int would take long
		return math.Inf(1)
	}
	n, ok := new(big.Int).SetString(s, base)
	if !ok {
		return 0
	}
	f, _ := new(big.Float).SetInt(n).Float64()
	return f
}

// formatNumber prints n as JavaScript prints a number.
func formatNumber(n float64) string {
	switch {
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

// jsSpace is what JavaScript trims from both ends of a number.
const jsSpace = " \t\n\v\f\r\u00a0\ufeff\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
