package settings

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/clerkgate/clerkgate/middleware"
)

// The variables that Clerk's SDKs share mean the same to the library and to the sidecar.
func TestTheLibraryReadsTheSameEnvironment(t *testing.T) {
	t.Parallel()
	values := []string{
		"", "true", "FALSE", "1", "yes", "/__clerk", "/__clerk/", "//evil", "/a/../b", "https://app.example.com/__clerk", "https://app.example.com:99999/x",
		"/sign-in", "sign-in", "https://accounts.example.com/sign-in", "https://user@example.com", "sk_test_", "sk_test_x", "sk_live_x", "sk_test_ x",
		"pk_test_x", "pk_live_Y2xlcmsuZXhhbXBsZS5jb20k", "pk_test_Y2xlcmsuZXhhbXBsZS5hY2NvdW50cy5kZXYk", "ak_x", "clerk.pem", "v1", "v1/../v2", "https://api.example.com?x=1",
		testPEM(t), strings.ReplaceAll(testPEM(t), "\n", `\n`), "example.com", "a b",
	}
	shared := 0
	for _, r := range new(Config).table() {
		if !strings.HasPrefix(r.name, "CLERK_") || r.option == "" {
			continue
		}
		shared++
		for _, value := range values {
			env := environment(map[string]string{r.name: value})
			lookup := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
			theirs, err := middleware.OptionsFromEnv(lookup)
			ours, _, ourErr := load(env)
			p, refused := Problem{}, false
			if ourErr != nil {
				p, refused = problems(t, ourErr)[r.name], true
			}
			if !assert.Equal(t, refused, err != nil, "%s=%q: %v", r.name, value, ourErr) {
				continue
			}
			if !refused {
				field := func(o middleware.Options) any { return reflect.ValueOf(o).FieldByName(r.option).Interface() }
				assert.Equal(t, field(ours.WithDefaults().Auth), field(ours.withLibrary(theirs)), "%s=%q", r.name, value)
				continue
			}
			var invalid *middleware.OptionsError
			if assert.ErrorAs(t, err, &invalid) && p.Where != "" {
				assert.Contains(t, invalid.Problems, p, "%s=%q", r.name, value)
			}
		}
	}
	assert.Equal(t, 12, shared)
}

// withLibrary is o with the sidecar's defaults.
func (c Config) withLibrary(o middleware.Options) middleware.Options {
	return Config{Auth: o}.WithDefaults().Auth
}
