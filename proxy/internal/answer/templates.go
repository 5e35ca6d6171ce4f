package answer

import (
	"errors"
	"fmt"
	"html/template"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/clerkgate/clerkgate/internal/problem"
)

// maxTemplate bounds a template's file, in bytes.
const maxTemplate = 64 << 10

// Templates are the pages of a folder. A nil *Templates has none.
type Templates struct {
	byStatus map[int]*template.Template
	others   *template.Template // default.html
}

// TemplatesError lists everything that is wrong with a folder of templates. The place of
// a problem is a file, with the line if that is known; for a problem of the folder itself it
// is empty.
type TemplatesError struct{ Problems []problem.Problem }

// Error returns the problems, each on a line.
func (e *TemplatesError) Error() string {
	lines := make([]string, len(e.Problems))
	for i := range e.Problems {
		lines[i] = e.Problems[i].String()
	}
	return strings.Join(lines, "\n")
}

// LoadTemplates reads the templates of a folder: one for each status, such as 403.html, and
// default.html for all others. Files whose names do not end in .html are ignored. Each
// template is executed with sample pages, so that one that fails is found here. Problems
// come as a [*TemplatesError].
func LoadTemplates(folder string) (*Templates, error) {
	l := &templateLoader{folder: folder, loaded: &Templates{byStatus: make(map[int]*template.Template)}}
	entries, err := os.ReadDir(folder)
	if err != nil {
		l.problem("", err.Error(), "a folder with templates, such as 403.html and default.html")
	}
	for _, entry := range entries {
		if name := entry.Name(); strings.HasSuffix(name, ".html") && !entry.IsDir() {
			l.load(name)
		}
	}
	if err == nil && len(l.loaded.byStatus) == 0 && l.loaded.others == nil && len(l.problems) == 0 {
		l.problem("", "no template in "+problem.Quote(folder), "a file such as 403.html or default.html")
	}
	if len(l.problems) > 0 {
		return nil, &TemplatesError{Problems: l.problems}
	}
	return l.loaded, nil
}

// of returns the template for a status, or nil.
func (t *Templates) of(status int) *template.Template {
	if t == nil {
		return nil
	}
	if own := t.byStatus[status]; own != nil {
		return own
	}
	return t.others
}

// templateLoader reads a folder and collects what is wrong with it.
type templateLoader struct {
	folder   string
	loaded   *Templates
	problems []problem.Problem
}

func (l *templateLoader) problem(where, found, want string) {
	l.problems = append(l.problems, problem.Problem{Where: where, Found: found, Want: want})
}

func (l *templateLoader) load(name string) {
	path := filepath.Join(l.folder, name)
	status, err := strconv.Atoi(strings.TrimSuffix(name, ".html"))
	if name != "default.html" && (err != nil || status < 400 || status > 599 || len(name) != len("403.html")) {
		l.problem(path, "a template that is not named after a status", "a status from 400 to 599, such as 403.html, or default.html")
		return
	}
	text, err := readTemplate(path)
	if err != nil {
		l.problem(path, err.Error(), fmt.Sprintf("a template that can be read, of at most %d bytes", maxTemplate))
		return
	}
	t, err := template.New(name).Parse(text)
	if err == nil {
		err = try(t, status)
	}
	if err != nil {
		l.failed(path, name, err)
		return
	}
	if name == "default.html" {
		l.loaded.others = t
	} else {
		l.loaded.byStatus[status] = t
	}
}

func readTemplate(path string) (string, error) {
	file, err := os.Open(path) //nolint:gosec // the configuration names it
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }() // only read from
	text, err := io.ReadAll(io.LimitReader(file, maxTemplate+1))
	if err == nil && len(text) > maxTemplate {
		err = errors.New("a larger file")
	}
	return string(text), err
}

// try executes t with the fullest and the emptiest pages, for the status of its file, or
// for all usual statuses if status is 0.
func try(t *template.Template, status int) error {
	statuses := []int{status}
	if status == 0 {
		statuses = []int{400, 401, 403, 404, 405, 408, 413, 414, 431, 500, 502, 503, 504, 508}
	}
	for _, status := range statuses {
		least := Page{Status: status, Title: "Title", Message: "Message.", Code: "code"}
		most := least
		most.Advice, most.Reason, most.SignInURL, most.Retry = "Advice.", "reason", "https://clerk.example.com/sign-in?redirect_url=https%3A%2F%2Fapp.example.com%2F", true
		most.Since, most.Reload = "14:05 UTC", true
		form := most
		form.Form, form.Retry = true, false
		for _, page := range []*Page{&least, &most, &form} {
			if err := t.Execute(new(bounded), page); err != nil {
				return err
			}
		}
	}
	return nil
}

// failed turns an error of Go's templates into a problem at a line. These errors begin with
// the name of the template, mostly followed by the line. What they say about the state of
// the parser is left out.
func (l *templateLoader) failed(path, name string, err error) {
	found := err.Error()
	if m := regexp.MustCompile(`^(?:html/)?template: ?` + regexp.QuoteMeta(name) + `(:\d+)?(?::\d+)?: (.*)$`).FindStringSubmatch(found); m != nil {
		path, found = path+m[1], m[2]
	}
	found = strings.TrimPrefix(found, "executing "+strconv.Quote(name)+" at ")
	found, _, _ = strings.Cut(found, ": {")
	l.problem(path, strings.TrimSuffix(found, " in type *answer.Page"),
		"a template of Go's html/template; its fields are Status, Title, Message, Advice, Code, Reason, SignInURL, Since, Reload, Form and Retry")
}
