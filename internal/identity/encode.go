package identity

import "strings"

// maxValue bounds an encoded value, in bytes.
const maxValue = 1024

// Encode encodes a value as the package comment describes. It does not limit its length.
func Encode(value string) string {
	const hexDigits = "0123456789ABCDEF"
	unsafe := 0
	for i := range len(value) {
		if !isSafe(value[i]) {
			unsafe++
		}
	}
	if unsafe == 0 {
		return value
	}
	var b strings.Builder
	b.Grow(len(value) + 2*unsafe)
	for i := range len(value) {
		if c := value[i]; isSafe(c) {
			b.WriteByte(c)
		} else {
			b.WriteByte('%')
			b.WriteByte(hexDigits[c>>4])
			b.WriteByte(hexDigits[c&15])
		}
	}
	return b.String()
}

// encodeAll encodes each value and joins them with spaces.
func encodeAll(values []string) string {
	if len(values) == 0 {
		return ""
	}
	encoded := make([]string, len(values))
	for i, value := range values {
		encoded[i] = Encode(value)
	}
	return strings.Join(encoded, " ")
}

// encodeReason leaves a reason in the words of Clerk's SDK, some of which have spaces. Part
// of a reason may be an error code from Clerk's answer; what a header cannot hold unchanged
// is encoded.
func encodeReason(reason string) string {
	for i := range len(reason) {
		isSpace := reason[i] == ' ' && i > 0 && i < len(reason)-1
		if !isSafe(reason[i]) && reason[i] != '%' && !isSpace {
			return Encode(reason)
		}
	}
	return reason
}

func isSafe(c byte) bool { return c >= 0x21 && c <= 0x7e && c != '%' }
