package routes

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// onlyTheParser are broken files that no schema can find fault with, and what it
// would have to know.
func onlyTheParser() map[string]string {
	return map[string]string{
		"alias":                      "YAML, before the schema",
		"ambiguous_match":            "how servers read paths",
		"audience_without_assertion": "another part of the file",
		"machine_tokens_only":        "what an absent word in a list means",
		"merge_key":                  "YAML, before the schema",
		"reserved_header":            "spellings",
		"second_document":            "YAML, before the schema",
		"strip_prefix":               "another key's value",
		"tls_options":                "the URL's scheme",
		"unknown_upstream":           "another part of the file",
		"unreachable":                "the other routes",
	}
}

func compiledSchema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource("schema.json", doc))
	s, err := c.Compile("schema.json")
	require.NoError(t, err)
	return s
}

// asJSON reads a YAML file as an editor does before it applies the schema.
func asJSON(t testing.TB, data []byte) (any, error) {
	t.Helper()
	var doc any
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return nil, err
	}
	text, err := json.Marshal(doc)
	if err != nil {
		return nil, err
	}
	return jsonschema.UnmarshalJSON(bytes.NewReader(text))
}

func TestSchemaAgreesWithTheParser(t *testing.T) {
	t.Parallel()
	s := compiledSchema(t)
	excused := onlyTheParser()
	files, err := filepath.Glob("testdata/*/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		doc, err := asJSON(t, data)
		if err == nil {
			err = s.Validate(doc)
		}
		_, parseErr := Parse(file, data)
		switch _, ok := excused[name]; {
		case ok:
			assert.NoError(t, err, "%s: the schema sees it after all; take it out of the list", file)
			require.Error(t, parseErr, file)
			delete(excused, name)
		case parseErr == nil:
			assert.NoError(t, err, file)
		default:
			assert.Error(t, err, "%s: the parser says\n%v", file, parseErr)
		}
	}
	assert.Empty(t, excused, "no such files")
}

// TestSchemaHasTheParsersKeys compares each mapping's keys, and each choice's words.
func TestSchemaHasTheParsersKeys(t *testing.T) {
	t.Parallel()
	var doc map[string]any
	require.NoError(t, json.Unmarshal(Schema(), &doc))
	at := func(path ...any) any {
		var node any = doc
		for _, step := range path {
			switch step := step.(type) {
			case string:
				node = node.(map[string]any)[step]
			case int:
				node = node.([]any)[step]
			}
			require.NotNil(t, node, path)
		}
		return node
	}
	keys := func(node any) []string {
		var all []string
		for key, property := range node.(map[string]any) {
			all = append(all, key)
			description, _ := property.(map[string]any)["description"].(string)
			ref, _ := property.(map[string]any)["$ref"].(string)
			if strings.HasPrefix(ref, "#/$defs/") && description == "" {
				description, _ = at("$defs", ref[len("#/$defs/"):]).(map[string]any)["description"].(string)
			}
			assert.NotEmpty(t, description, "%s has no description", key)
		}
		return all
	}
	words := func(node any) []string {
		var all []string
		for _, w := range node.([]any) {
			if s, ok := w.(string); ok {
				all = append(all, s)
			}
		}
		return all
	}
	route := func(path ...any) any { return at(slices.Concat([]any{"$defs", "route", "properties"}, path)...) }

	assert.ElementsMatch(t, fileKeys, keys(at("properties")))
	assert.ElementsMatch(t, upstreamKeys, keys(at("$defs", "upstream", "oneOf", 1, "properties")))
	assert.ElementsMatch(t, assertionKeys, keys(at("$defs", "assertion", "properties")))
	assert.ElementsMatch(t, routeKeys, keys(route()))
	assert.ElementsMatch(t, requireKeys, keys(route("require", "properties")))
	assert.ElementsMatch(t, corsKeys, keys(route("cors", "properties")))
	assert.ElementsMatch(t, csrfKeys, keys(route("csrf", "oneOf", 1, "properties")))

	assert.Equal(t, methods(), words(at("$defs", "methods", "items", "enum")))
	assert.Equal(t, IdentityNames(), words(route("identity", "oneOf", 1, "items", "enum")))
	assert.Equal(t, tokenTypes(), words(route("accepts", "oneOf", 1, "items", "enum")))
	for key, standard := range map[string]string{
		"auth": AuthRequired.String(), "unauthenticated": UnauthenticatedAuto.String(),
		"refresh": RefreshDocuments.String(), "authorization": AuthorizationKeep.String(),
	} {
		assert.Equal(t, standard, route(key, "default"), key)
		for _, word := range words(route(key, "enum")) {
			_, err := Parse("f", []byte(`routes: [{ match: /, token_template: x, authorization: template, `+key+`: "`+word+`" }]`))
			if err != nil {
				assert.NotContains(t, err.Error(), "is no choice", "%s: %s", key, word)
			}
		}
	}
}
