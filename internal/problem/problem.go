// Package problem holds the one shape of whatever is wrong with a configuration,
// whether it came from Go code, environment variables or a file, and the words in
// which such things are told to a person.
package problem

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Problem is one thing wrong at one place of a configuration.
type Problem struct {
	// Where is the field, the variable, or the key of a file.
	Where string
	// Found says what is there, quoted in part at most; of a secret only its kind.
	Found string
	// Want says what is expected there. It completes the sentence "expected …".
	Want string
	// Remedy says what to do when Want does not: a command, or where to look. It is a
	// sentence of its own, or empty.
	Remedy string
}

// Error is [Problem.String], so that a function that judges one value can return
// what is wrong with it. The caller says where, by [At].
func (p *Problem) Error() string { return p.String() }

// At returns the problem that err is, or wraps, as one at the given place. Of
// another error it is one in the words of err.
func At(where string, err error) Problem {
	var p *Problem
	if errors.As(err, &p) {
		return Problem{Where: where, Found: p.Found, Want: p.Want, Remedy: p.Remedy}
	}
	return Problem{Where: where, Found: err.Error()}
}

// String is the problem on one line: where: found …; expected …. Remedy
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.Where)
	separator := ""
	if p.Where != "" {
		separator = ": "
	}
	for _, part := range [...]struct{ lead, text string }{{"found ", p.Found}, {"expected ", p.Want}} {
		if part.text != "" {
			b.WriteString(separator + part.lead + part.text)
			separator = "; "
		}
	}
	if p.Remedy != "" {
		b.WriteString(". " + p.Remedy)
	}
	return b.String()
}

// maxQuoted bounds what [Quote] shows, in bytes.
const maxQuoted = 60

// Quote shows a value in part, on one line.
func Quote(s string) string {
	if len(s) > maxQuoted {
		cut := maxQuoted
		for cut > maxQuoted-utf8.UTFMax && !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut] + "…"
	}
	return strconv.Quote(s)
}

// QuoteURL shows a URL without the password and the query that it may hold.
func QuoteURL(s string) string {
	if strings.ContainsAny(s, "@?") {
		return "a URL with a user or a query"
	}
	return Quote(s)
}

// OneOf lists words as a person would: a, b or c.
func OneOf(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

// Nearest returns the known word that was probably meant, or "" when none is near.
// It compares without regard to case.
func Nearest(word string, known []string) string {
	best, distance := "", 2+len(word)/3
	for _, k := range known {
		if d := editDistance(strings.ToLower(word), strings.ToLower(k)); d < distance {
			best, distance = k, d
		}
	}
	return best
}

// editDistance is Levenshtein's, over the bytes of short words; long ones are far.
func editDistance(a, b string) int {
	if len(a) > maxQuoted {
		return len(a)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
