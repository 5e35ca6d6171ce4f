package token

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"

	"github.com/clerkgate/clerkgate/internal/javascript"
)

// quoted is JavaScript's JSON.stringify(v), cut to a length that fits a message.
func quoted(v javascript.Value) string {
	if v.Raw == nil {
		return "undefined"
	}
	if s, ok := v.Text(); ok {
		return quote(s)
	}
	if n, ok := v.Number(); ok {
		if math.IsInf(n, 0) {
			return "null"
		}
		if b, err := json.Marshal(n); err == nil { // encoding/json writes numbers as ECMAScript does
			return string(b)
		}
	}
	return clip(string(compact(v.Raw)))
}

func compact(raw []byte) []byte {
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		return nil
	}
	return b.Bytes()
}

// maxQuoted bounds a quotation in a message, in bytes: it goes into a response header.
const maxQuoted = 256

func clip(s string) string {
	if len(s) <= maxQuoted {
		return s
	}
	return strings.ToValidUTF8(s[:maxQuoted], "") + "…"
}

// quote is JavaScript's JSON.stringify of a string.
func quote(s string) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(clip(s)); err != nil {
		return `""`
	}
	// JavaScript leaves these two as they are.
	return strings.NewReplacer(`\u2028`, "\u2028", `\u2029`, "\u2029").Replace(strings.TrimSuffix(b.String(), "\n"))
}

// quoteList is JavaScript's JSON.stringify of a list of strings.
func quoteList(list []string) string {
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = quote(s)
	}
	return "[" + strings.Join(quoted, ",") + "]"
}
