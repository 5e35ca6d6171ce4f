package proxy

import (
	"fmt"
	"strings"
)

// ConfigError lists everything that is wrong with a configuration. It never holds
// the value of a secret.
type ConfigError struct {
	Problems []Problem
}

// Problem is one thing wrong with one variable, or at one place of the routes file.
type Problem struct {
	// Variable is the environment variable, or file, line and column.
	Variable string
	// Found says what it holds; of a secret only its kind.
	Found string
	// Expected says what to set instead.
	Expected string
}

// Error is the message that the command prints: all problems, one below the
// other.
func (e *ConfigError) Error() string {
	var b strings.Builder
	noun := "problems"
	if len(e.Problems) == 1 {
		noun = "problem"
	}
	fmt.Fprintf(&b, "the configuration has %d %s\n", len(e.Problems), noun)
	for _, p := range e.Problems {
		fmt.Fprintf(&b, "\n  %s\n", p.Variable)
		if p.Found != "" {
			fmt.Fprintf(&b, "    found     %s\n", p.Found)
		}
		if p.Expected != "" {
			fmt.Fprintf(&b, "    expected  %s\n", p.Expected)
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// Warning is something about the environment that does not stop the start.
type Warning struct {
	// Variable is the environment variable.
	Variable string
	// Message says what is odd about it.
	Message string
}

func (w Warning) String() string { return w.Variable + ": " + w.Message }

// configProblem is an error about one variable whose text says everything.
func configProblem(variable string, err error) error {
	return &ConfigError{Problems: []Problem{{Variable: variable, Found: err.Error()}}}
}
