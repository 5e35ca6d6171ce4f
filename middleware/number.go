package middleware

import (
	"math"
	"strconv"
	"strings"

	"github.com/clerkgate/clerkgate/internal/token"
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

// parseNumber is JavaScript's Number(s) || 0, by which the redirect count is read.
func parseNumber(s string) float64 {
	if n := token.Number(s); !math.IsNaN(n) {
		return n
	}
	return 0
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

// jsSpace is what JavaScript skips before a number.
const jsSpace = " \t\n\v\f\r\u00a0\ufeff\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
