package routes

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Error lists everything that is wrong with a routes file, in the order of its
// lines.
type Error struct {
	// File is the name that [Parse] was given.
	File string
	// Problems has at least one element, and at most some hundred.
	Problems []Problem
}

// Problem is one thing wrong at one place of a routes file.
type Problem struct {
	File string
	// Line and Column count from 1.
	Line, Column int
	// Key is where in the structure: routes[0].auth. It is empty for what concerns
	// the whole file.
	Key string
	// Found says what is there, quoted in part at most.
	Found string
	// Remedy says what to do.
	Remedy string
}

// maxProblems is how many problems one error lists. Who has more has the wrong file.
const maxProblems = 100

// Error is one line for each problem, below a line that counts them.
func (e *Error) Error() string {
	var b strings.Builder
	noun := "problems"
	if len(e.Problems) == 1 {
		noun = "problem"
	}
	fmt.Fprintf(&b, "the routes file has %d %s", len(e.Problems), noun)
	for _, p := range e.Problems {
		b.WriteString("\n" + p.String())
	}
	return b.String()
}

// String is file:line:column: key: what was found; what to do.
func (p Problem) String() string {
	key := p.Key
	if key != "" {
		key += ": "
	}
	return fmt.Sprintf("%s:%d:%d: %s%s; %s", p.File, p.Line, p.Column, key, p.Found, p.Remedy)
}

// report makes the error of a parse; nil when there is nothing to report.
func (p *parser) report() error {
	if len(p.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(p.problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	if len(p.problems) > maxProblems {
		p.problems = p.problems[:maxProblems]
		last := p.problems[maxProblems-1]
		p.problems = append(p.problems, Problem{p.file, last.Line, last.Column, "", "more problems follow", "mend these first"})
	}
	return &Error{File: p.file, Problems: p.problems}
}

func (p *parser) problem(line, column int, key, found, remedy string) {
	p.problems = append(p.problems, Problem{p.file, max(line, 1), max(column, 1), key, found, remedy})
}

const maxQuoted = 60

// quote shows a value in part, on one line.
func quote(s string) string {
	if len(s) > maxQuoted {
		cut := maxQuoted
		for cut > maxQuoted-utf8.UTFMax && !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut] + "…"
	}
	return strconv.Quote(s)
}

// oneOf lists words as a person would.
func oneOf(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

// suggestion is "did you mean x? ", or nothing when no word is near.
func suggestion(word string, known []string) string {
	if meant := nearest(word, known); meant != "" {
		return "did you mean " + meant + "? "
	}
	return ""
}

// nearest returns the known word that was probably meant; "" for none.
func nearest(word string, known []string) string {
	best, distance := "", 2+len(word)/3
	for _, k := range known {
		if d := editDistance(strings.ToLower(word), strings.ToLower(k)); d < distance {
			best, distance = k, d
		}
	}
	return best
}

// editDistance is Levenshtein's, over bytes of short words; long ones are far.
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
