package settings

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/clerkgate/clerkgate/internal/certificate"
	"github.com/clerkgate/clerkgate/internal/problem"
	"github.com/clerkgate/clerkgate/middleware"
	"github.com/clerkgate/clerkgate/proxy/internal/answer"
	"github.com/clerkgate/clerkgate/proxy/routes"
)

// Error lists everything that is wrong with a configuration. It never holds
// the value of a secret.
type Error struct {
	Problems []Problem
}

// Problem is one thing wrong with one variable, which Where names, or at one place
// of the routes file: file, line and column.
type Problem = problem.Problem

// Error returns the message that the command prints: all problems, one below the other.
func (e *Error) Error() string {
	var b strings.Builder
	noun := "problems"
	if len(e.Problems) == 1 {
		noun = "problem"
	}
	fmt.Fprintf(&b, "the configuration has %d %s\n", len(e.Problems), noun)
	for _, p := range e.Problems {
		fmt.Fprintf(&b, "\n  %s\n", p.Where)
		if p.Found != "" {
			fmt.Fprintf(&b, "    found     %s\n", p.Found)
		}
		if p.Want != "" {
			fmt.Fprintf(&b, "    expected  %s\n", p.Want)
		}
		if p.Remedy != "" {
			fmt.Fprintf(&b, "    remedy    %s\n", p.Remedy)
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// Warning is something odd about the environment that does not prevent the start.
type Warning struct {
	// Variable is the environment variable.
	Variable string
	// Message says what is odd about it.
	Message string
}

func (w Warning) String() string { return w.Variable + ": " + w.Message }

// NewError returns an [*Error] with one problem: err, of a variable.
func NewError(variable string, err error) error {
	return &Error{Problems: []Problem{{Where: variable, Found: err.Error()}}}
}

// OptionsError turns a [*middleware.OptionsError] into an [*Error], which names variables in
// place of options. It returns other errors as they are.
func OptionsError(err error) error {
	var invalid *middleware.OptionsError
	if !errors.As(err, &invalid) {
		return err
	}
	problems := slices.Clone(invalid.Problems)
	for i := range problems {
		problems[i].Where = variableOf(problems[i].Where)
	}
	return &Error{Problems: problems}
}

// TLSError returns an [*Error] about the certificate or key of the public listener.
func TLSError(err error) error {
	return &Error{Problems: []Problem{fileProblem(err, EnvTLSCertFile, EnvTLSKeyFile)}}
}

// AdminClientsError returns an [*Error] about the authorities of client certificates.
func AdminClientsError(err error) error {
	return &Error{Problems: []Problem{fileProblem(err, EnvAdminClientCAFile, "")}}
}

// fileProblem returns the problem of the variable that names the file that err is about.
func fileProblem(err error, certVariable, keyVariable string) Problem {
	p := Problem{Where: certVariable, Found: err.Error(), Want: "a certificate and its key, in PEM"}
	var file *certificate.Error
	if errors.As(err, &file) {
		p.Want = file.Remedy()
		if file.Key {
			p.Where = keyVariable
		}
	}
	return p
}

// PagesError returns an [*Error] about the folder of templates. Its problems name the file
// and the line.
func PagesError(err error) error {
	var invalid *answer.TemplatesError
	if !errors.As(err, &invalid) {
		return NewError(EnvPages, err)
	}
	problems := slices.Clone(invalid.Problems)
	for i := range problems {
		problems[i].Where = cmp.Or(problems[i].Where, EnvPages)
	}
	return &Error{Problems: problems}
}

// UpstreamError returns an [*Error] that names the setting of an upstream that err is about.
// An empty name means the upstream of the environment.
func UpstreamError(name string, up routes.Upstream, err error) error {
	p := Problem{Where: EnvUpstreamProtocol, Found: err.Error()}
	if file := (*certificate.Error)(nil); errors.As(err, &file) {
		p.Want = file.Remedy()
		switch file.File {
		case up.CAFile:
			p.Where = EnvUpstreamCAFile
		case up.CertificateFile:
			p.Where = EnvUpstreamCertFile
		default:
			p.Where = EnvUpstreamKeyFile
		}
	}
	if name != "" {
		p.Where = "upstreams." + name
	}
	return &Error{Problems: []Problem{p}}
}
