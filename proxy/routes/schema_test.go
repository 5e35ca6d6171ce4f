package routes

import (
	"bytes"
	"encoding/json"
	"fmt"
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
		"shut_pages":                 "the other routes",
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
	// holds compares the properties of a mapping with its keys.
	holds := func(node any, keys []Key) {
		properties := node.(map[string]any)
		for _, key := range keys {
			property, ok := properties[key.Name].(map[string]any)
			if !assert.True(t, ok, "the schema has no %s", key.Name) {
				continue
			}
			description, _ := property["description"].(string)
			if ref, _ := property["$ref"].(string); description == "" {
				description, _ = at("$defs", strings.TrimPrefix(ref, "#/$defs/")).(map[string]any)["description"].(string)
			}
			assert.Equal(t, strings.ReplaceAll(key.Help, "`", ""), description, key.Name)
			standard, ok := property["default"]
			assert.Equal(t, key.Default != "", ok, "%s: a default", key.Name)
			if ok {
				assert.Equal(t, key.Default, fmt.Sprint(standard), key.Name)
			}
		}
		assert.Len(t, properties, len(keys))
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

	holds(at("properties"), documented(fileKeys()))
	holds(at("$defs", "upstream", "oneOf", 1, "properties"), documented(upstreamKeys()))
	holds(at("$defs", "assertion", "properties"), documented(assertionKeys()))
	holds(route(), documented(routeKeys()))
	holds(route("require", "properties"), documented(requireKeys()))
	holds(route("cors", "properties"), documented(corsKeys()))
	holds(route("csrf", "oneOf", 1, "properties"), documented(csrfKeys()))

	assert.Equal(t, methods(), words(at("$defs", "methods", "items", "enum")))
	assert.Equal(t, IdentityNames(), words(route("identity", "oneOf", 1, "items", "enum")))
	assert.Equal(t, tokenTypes(), words(route("accepts", "oneOf", 1, "items", "enum")))
	for _, key := range []string{"auth", "unauthenticated", "refresh", "authorization"} {
		for _, word := range words(route(key, "enum")) {
			_, err := Parse("f", []byte(`routes: [{ match: /, token_template: x, authorization: template, `+key+`: "`+word+`" }]`))
			if err != nil {
				assert.NotContains(t, err.Error(), `found "`+word+`"`, "%s: %s", key, word)
			}
		}
	}
}
