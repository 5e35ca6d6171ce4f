package clerkapi_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/clerkgate/clerkgate/clerkapi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func encodeKey(kind, decoded string) string {
	return kind + base64.StdEncoding.EncodeToString([]byte(decoded))
}

// The expectations are those of parsePublishableKey in @clerk/shared, run under Node, but where the name says "unlike".
func TestParsePublishableKey(t *testing.T) {
	t.Parallel()
	const (
		prefix  = "must begin with"
		parts   = "one part of base64"
		base    = "with base64 after"
		decoded = "must hold a host"
	)
	for _, c := range []struct {
		name, key  string
		production bool
		host       string // or
		problem    string
	}{
		{name: "development", key: "pk_test_Y2FsbS1wYW5kYS03OS5jbGVyay5hY2NvdW50cy5kZXYk", host: "calm-panda-79.clerk.accounts.dev"},
		{name: "production", key: "pk_live_Y2xlcmsuZXhhbXBsZS5jb20k", production: true, host: "clerk.example.com"},
		{name: "without padding", key: "pk_test_YS5iJA", host: "a.b"},
		{name: "padded", key: "pk_test_YS5iJA==", host: "a.b"},
		{name: "bits that decode to nothing", key: "pk_test_YS5iJB", host: "a.b"},
		{name: "with a port", key: encodeKey("pk_test_", "a.b:443$"), host: "a.b:443"},
		{name: "half padded", key: "pk_test_YS5iJA=", problem: base},
		{name: "padded too much", key: "pk_test_YS5iJA===", problem: base},
		{name: "empty", key: "", problem: prefix},
		{name: "another kind", key: "pk_prod_YS5iJA==", problem: prefix},
		{name: "a secret key", key: "sk_test_YS5iJA==", problem: prefix},
		{name: "upper case", key: "PK_TEST_YS5iJA==", problem: prefix},
		{name: "space in front", key: " pk_live_YS5iJA==", problem: prefix},
		{name: "prefix alone", key: "pk_live_", problem: parts},
		{name: "four parts", key: "pk_test_YS5i_JA==", problem: parts},
		{name: "cut short", key: "pk_test_Y2xlcmsuZXhhbXBsZ", problem: base},
		{name: "URL-safe base64", key: "pk_test_YS5i-A==", problem: base},
		{name: "no end mark", key: encodeKey("pk_test_", "clerk.example.com"), problem: decoded},
		{name: "two end marks", key: encodeKey("pk_test_", "a.b$$"), problem: decoded},
		{name: "end mark inside", key: encodeKey("pk_test_", "a$.b$"), problem: decoded},
		{name: "no dot", key: encodeKey("pk_test_", "localhost$"), problem: decoded},

		{name: "line end inside, unlike the reference", key: "pk_live_YS5i\nJA==", problem: base},
		{name: "line end behind, unlike the reference", key: "pk_live_YS5iJA==\n", problem: base},
		{name: "space inside, unlike the reference", key: "pk_live_YS5i JA==", problem: base},
		{name: "a path, unlike the reference", key: encodeKey("pk_test_", "a.b/c$"), problem: decoded},
		{name: "a query, unlike the reference", key: encodeKey("pk_test_", "a.b?c$"), problem: decoded},
		{name: "a fragment, unlike the reference", key: encodeKey("pk_test_", "a.b#c$"), problem: decoded},
		{name: "a user, unlike the reference", key: encodeKey("pk_test_", "u@a.b$"), problem: decoded},
		{name: "a space in the host, unlike the reference", key: encodeKey("pk_test_", "a b.c$"), problem: decoded},
		{name: "a line end in the host, unlike the reference", key: encodeKey("pk_test_", "a.b\r\n$"), problem: decoded},
		{name: "not ASCII, unlike the reference", key: encodeKey("pk_test_", "é.b$"), problem: decoded},
		{name: "an impossible port, unlike the reference", key: encodeKey("pk_test_", "a.b:99999$"), problem: decoded},
		{name: "an empty port, unlike the reference", key: encodeKey("pk_test_", "a.b:$"), problem: decoded},
		{name: "an encoded host, unlike the reference", key: encodeKey("pk_test_", "a%2Eb.c$"), problem: decoded},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := clerkapi.ParsePublishableKey(c.key)
			if c.problem != "" {
				require.ErrorContains(t, err, c.problem)
				assert.Zero(t, got)
				if len(c.key) > len("pk_live_") {
					assert.NotContains(t, err.Error(), c.key)
				}
				return
			}
			require.NoError(t, err)
			assert.Equal(t, clerkapi.PublishableKey{Production: c.production, FrontendAPI: c.host}, got)
		})
	}
}

// What parses is a key that could have been built from its host.
func FuzzParsePublishableKey(f *testing.F) {
	for _, seed := range []string{
		"pk_test_Y2FsbS1wYW5kYS03OS5jbGVyay5hY2NvdW50cy5kZXYk", "pk_live_Y2xlcmsuZXhhbXBsZS5jb20k", "pk_live_", "pk_prod_YS5iJA==",
		"pk_test_YS5iJA", "pk_test_YS5iJA==", "pk_test_YS5iJA===", "pk_test_JC4k", "pk_test_YSQuYiQ=", "pk_test_YS5i_JA==", "pk_live_YS5i\nJA==", "sk_test_YS5iJA",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, key string) {
		got, err := clerkapi.ParsePublishableKey(key)
		if err != nil {
			require.Zero(t, got)
			return
		}
		require.Equal(t, strings.HasPrefix(key, "pk_live_"), got.Production)
		require.NotEqual(t, strings.HasPrefix(key, "pk_test_"), got.Production)
		require.Contains(t, got.FrontendAPI, ".")
		require.NotContains(t, got.FrontendAPI, "$")
		require.False(t, strings.ContainsAny(key, " \t\r\n"))
		again, err := clerkapi.ParsePublishableKey(encodeKey(key[:len("pk_live_")], got.FrontendAPI+"$"))
		require.NoError(t, err)
		require.Equal(t, got, again)
	})
}
