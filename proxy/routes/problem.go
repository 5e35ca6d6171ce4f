package routes

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/clerkgate/clerkgate/internal/problem"
)

// Error lists everything that is wrong with a routes file, in the order of its
// lines.
type Error struct {
	// File is the name that [Parse] was given.
	File string
	// Problems has at least one element, and at most some hundred.
	Problems []Problem
}

// Problem is one thing wrong at one place of a routes file. Where is the place in the
// structure, such as routes[0].auth; it is empty if the problem is about the whole file.
type Problem struct {
	File string
	// Line and Column count from 1.
	Line, Column int
	problem.Problem
}

// maxProblems is how many problems an error lists. A file with more is probably not a routes
// file.
const maxProblems = 100

// Error returns a line with the number of problems, and then a line for each.
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

// Place returns file:line:column, and the place in the structure if there is one.
func (p Problem) Place() string {
	place := fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
	if p.Where != "" {
		place += ": " + p.Where
	}
	return place
}

// String returns the place, what was found there, what is expected, and what to do.
func (p Problem) String() string {
	whole := p.Problem
	whole.Where = p.Place()
	return whole.String()
}

// report returns the error of a parse, or nil if there are no problems.
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
		p.problem(last.Line, last.Column, problem.Problem{Found: "more problems", Remedy: "Fix those above first."})
	}
	return &Error{File: p.file, Problems: p.problems}
}

func (p *parser) problem(line, column int, what problem.Problem) {
	p.problems = append(p.problems, Problem{p.file, max(line, 1), max(column, 1), what})
}

// maxQuoted is how long a key may be to appear in a key path unchanged, in bytes.
const maxQuoted = 60

func quote(s string) string { return problem.Quote(s) }

// suggestion returns "Did you mean x?", or "" if no known word is similar.
func suggestion(word string, known []string) string {
	if meant := problem.Nearest(word, known); meant != "" {
		return "Did you mean " + meant + "?"
	}
	return ""
}
