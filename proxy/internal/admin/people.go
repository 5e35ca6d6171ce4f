package admin

import (
	_ "embed"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/clerkgate/clerkgate/internal/page"
)

//go:embed overview.html
var overviewHTML string

//go:embed overview.css
var overviewCSS string

// people serves the page for people.
type people struct {
	overview *Overview
	pages    []Page
	body     *template.Template
}

func newPeople(o *Overview, pages []Page) *people {
	return &people{overview: o, pages: pages, body: template.Must(template.New("overview").Parse(overviewHTML))}
}

// view is what the template gets.
type view struct {
	Status
	Uptime         time.Duration
	Parts          []part
	Breakers       []breakerLine
	Routes         []Route
	Given, Default []Setting
	Pages          []Page
}

type part struct{ Name, State string }

type breakerLine struct {
	Breaker
	Since, Next string
}

func (p *people) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v := view{Status: p.overview.Status(r.Context()), Routes: p.overview.Routes(), Pages: p.pages}
	v.Uptime = time.Duration(v.UptimeInSeconds) * time.Second
	for _, name := range slices.Sorted(maps.Keys(v.Status.Parts)) {
		v.Parts = append(v.Parts, part{name, v.Status.Parts[name]})
	}
	for _, b := range v.Status.Breakers {
		v.Breakers = append(v.Breakers, breakerLine{
			b, b.Since.UTC().Format("15:04:05 UTC"), time.Duration(b.RetryInSeconds * float64(time.Second)).Round(time.Second).String(),
		})
	}
	for _, s := range p.overview.Settings() {
		if s.From == "default" {
			v.Default = append(v.Default, s)
		} else {
			v.Given = append(v.Given, s)
		}
	}
	var body strings.Builder
	if err := p.body.Execute(&body, v); err != nil {
		http.Error(w, "the page could not be made: "+err.Error(), http.StatusInternalServerError)
		return
	}
	text, policy := page.Document("clerkgate: "+v.State, overviewCSS, body.String())
	page.Write(w, r, http.StatusOK, text, policy)
}
