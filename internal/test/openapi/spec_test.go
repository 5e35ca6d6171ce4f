package openapi

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

const (
	// newest is the version that a request without one gets.
	newest = "2026-05-12"
	// stale is the version whose file is older than those on both sides of it: it
	// lacks what the version before has, the machine tokens and half of a user. The
	// file of the next version stands in for it.
	stale, staleInstead = "2025-03-12", "2025-04-10"
)

// specs are Clerk's OpenAPI files under a folder, loaded when they are needed.
type specs struct {
	folder string
	loaded map[string]routers.Router
}

// router finds operations of one of the two APIs, "bapi" or "fapi", in a version.
func (s *specs) router(t *testing.T, api, version string) routers.Router {
	t.Helper()
	name := filepath.Join(api, version+".yml")
	if r, ok := s.loaded[name]; ok {
		return r
	}
	doc := s.read(t, name)
	base := "/v1"
	if api == "fapi" {
		base = "/"
	}
	s.loaded[name] = newRouter(t, doc, base)
	return s.loaded[name]
}

// webhooks finds an event as the operation POST /<event>.
func (s *specs) webhooks(t *testing.T) routers.Router {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(s.folder, "webhooks", "*.yml"))
	require.NoError(t, err)
	require.NotEmpty(t, files, "no webhooks in %s", s.folder)
	name, err := filepath.Rel(s.folder, files[len(files)-1])
	require.NoError(t, err)
	if r, ok := s.loaded[name]; ok {
		return r
	}
	doc := s.read(t, name)
	events, ok := doc["x-webhooks"].(map[string]any)
	require.True(t, ok, "%s has no x-webhooks", name)
	paths := map[string]any{}
	for event, item := range events {
		paths["/"+event] = item
	}
	doc["paths"] = paths
	delete(doc, "x-webhooks")
	s.loaded[name] = newRouter(t, doc, "/")
	return s.loaded[name]
}

func (s *specs) read(t *testing.T, name string) map[string]any {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(s.folder, name))
	require.NoError(t, err)
	var doc map[string]any
	require.NoError(t, yaml.Unmarshal(data, &doc), name)
	return doc
}

func newRouter(t *testing.T, doc map[string]any, base string) routers.Router {
	t.Helper()
	doc["servers"] = []any{map[string]any{"url": base}}
	data, err := json.Marshal(doc)
	require.NoError(t, err)
	parsed, err := openapi3.NewLoader().LoadFromData(data)
	require.NoError(t, err)
	r, err := gorillamux.NewRouter(parsed)
	require.NoError(t, err)
	return r
}

// place says which file describes a request, and under which path: the machine
// tokens' operations come with and without the version segment. api is empty for
// what no file describes: the pages.
func place(u *url.URL, header http.Header) (api, version, path string) {
	path = u.Path
	version = header.Get("Clerk-Api-Version") + u.Query().Get("__clerk_api_version")
	switch version {
	case "":
		version = newest
	case stale:
		version = staleInstead
	}
	for _, frontend := range []string{"/v1/client", "/v1/environment", "/v1/dev_browser", "/.well-known"} {
		if path == frontend || strings.HasPrefix(path, frontend+"/") {
			return "fapi", version, path
		}
	}
	for _, machine := range []string{"/m2m_tokens", "/api_keys", "/oauth_applications"} {
		if path == machine || strings.HasPrefix(path, machine+"/") {
			return "bapi", version, "/v1" + path
		}
	}
	if strings.HasPrefix(path, "/v1/") {
		return "bapi", version, path
	}
	return "", version, path
}
