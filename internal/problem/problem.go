// Package problem describes what is wrong with a configuration, in the same form for Go
// code, environment variables and files, and words it for people.
package problem

import (
	"errors"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Problem is one thing wrong at one place of a configuration.
type Problem struct {
	// Where is the field, the variable, or the key of a file.
	Where string
	// Found says what is there. It quotes at most a part of the value; of a secret it
	// says only what kind of value it is.
	Found string
	// Want says what is expected there. It completes the sentence "expected …".
	Want string
	// Remedy says what to do if Want does not: a command, or where to look. It is a
	// complete sentence, or empty.
	Remedy string
}

// Error returns [Problem.String]. It makes a problem an error, so that a function that
// checks one value can return it; the caller adds the place with [At].
func (p *Problem) Error() string { return p.String() }

// At returns the problem that err is or wraps, at the given place. Any other error
// becomes a problem whose Found is its text.
func At(where string, err error) Problem {
	var p *Problem
	if errors.As(err, &p) {
		return Problem{Where: where, Found: p.Found, Want: p.Want, Remedy: p.Remedy}
	}
	return Problem{Where: where, Found: err.Error()}
}

// String returns the problem on one line: "where: found …; expected …. Remedy".
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

// maxQuoted is how much of a value [Quote] shows, in bytes.
const maxQuoted = 60

// Quote quotes a value on one line, shortened to 60 bytes.
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

// QuoteURL is [Quote] for a URL. If it may hold a password or has a query, it is not
// shown.
func QuoteURL(s string) string {
	if strings.ContainsAny(s, "@?") {
		return "a URL with a user or a query"
	}
	return Quote(s)
}

// Duration writes a duration as a person would: 10s, 1m.
func Duration(d time.Duration) string {
	s := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(s, zero) {
			s = s[:len(s)-2]
		}
	}
	return s
}

// OneOf joins words as in a sentence: a, b or c.
func OneOf(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

// Nearest returns the known word that is most similar to word, ignoring case, or "" if
// none is similar.
func Nearest(word string, known []string) string {
	best, distance := "", 2+len(word)/3
	for _, k := range known {
		if d := editDistance(strings.ToLower(word), strings.ToLower(k)); d < distance {
			best, distance = k, d
		}
	}
	return best
}

// editDistance returns the Levenshtein distance of a and b, in bytes. A long a is not
// compared; its distance is its length.
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
