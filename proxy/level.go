package proxy

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/pprof"
	"strings"

	"github.com/clerkgate/clerkgate/proxy/internal/admin"
	"github.com/clerkgate/clerkgate/proxy/internal/answer"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

// levelPath shows and changes which messages are logged.
const levelPath = "/-/log-level"

// levelPages returns the pages about the level of the log, if it can be changed.
func (a *application) levelPages() []admin.Page {
	if a.level == nil {
		return nil
	}
	return []admin.Page{
		{Method: http.MethodGet, Path: levelPath, About: "which messages are logged", Handler: http.HandlerFunc(a.showLevel)},
		{Method: http.MethodPost, Path: levelPath, About: "log other messages until a reload: debug, info, warn or error", Handler: http.HandlerFunc(a.changeLevel)},
	}
}

func (a *application) showLevel(w http.ResponseWriter, _ *http.Request) {
	admin.WriteJSON(w, http.StatusOK, struct {
		Level string `json:"level"`
	}{strings.ToLower(a.level.Level().String())})
}

// changeLevel reads one of the words of the variable from the body.
func (a *application) changeLevel(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	word := strings.ToLower(strings.TrimSpace(string(body)))
	var level slog.Level
	if err == nil {
		switch word {
		case "debug", "info", "warn", "error":
			err = level.UnmarshalText([]byte(word))
		default:
			err = io.ErrUnexpectedEOF
		}
	}
	if err != nil {
		answer.RefuseJSON(w, http.StatusBadRequest, "level_unknown", "The body must be debug, info, warn or error.")
		return
	}
	a.level.Set(level)
	a.showLevel(w, r)
}

// profilePages returns the pages of net/http/pprof, if cfg asks for them. They show what the
// program does and what is in its memory, in figures; that of the command line is left out.
func profilePages(cfg settings.Config) []admin.Page {
	if !cfg.Profiles {
		return nil
	}
	return []admin.Page{
		{Method: http.MethodGet, Path: "/debug/pprof/", About: "profiles, for go tool pprof", Handler: http.HandlerFunc(pprof.Index)},
		{Method: http.MethodGet, Path: "/debug/pprof/cmdline", About: "not shown: flags may be private", Handler: http.NotFoundHandler()},
		{Method: http.MethodGet, Path: "/debug/pprof/profile", About: "where the time goes", Handler: http.HandlerFunc(pprof.Profile)},
		{Method: http.MethodGet, Path: "/debug/pprof/symbol", About: "names of functions", Handler: http.HandlerFunc(pprof.Symbol)},
		{Method: http.MethodGet, Path: "/debug/pprof/trace", About: "an execution trace, for go tool trace", Handler: http.HandlerFunc(pprof.Trace)},
	}
}
