package settings

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/test/kit"
)

func TestUnknownVariables(t *testing.T) {
	t.Parallel()
	const hint = "is for Clerk's SDKs in browsers and ignored here; set "
	for name, want := range map[string]string{
		"CLERKGATE_UPSTREM":             "did you mean CLERKGATE_UPSTREAM?",
		"CLERK_SECRETKEY":               "did you mean CLERK_SECRET_KEY?",
		"CLERKGATE_FROBNICATE":          "not a variable of clerkgate and ignored",
		"CLERK_SOMETHING_ELSE_ENTIRELY": "not a variable of clerkgate and ignored",
		// Clerk's own, of other products.
		"CLERK_TELEMETRY_DISABLED": "", "CLERK_ENCRYPTION_KEY": "", "CLERK_SIGN_IN_FORCE_REDIRECT_URL": "", "CLERK_JS_VERSION": "",
		"CLERK_WEBHOOK_SECRET": "", "NEXT_PUBLIC_CLERK_TELEMETRY_DISABLED": "", "NEXT_PUBLIC_OTHER": "", "PATH": "",
		// What is set under the name that clerkgate reads needs no hint.
		"NEXT_PUBLIC_CLERK_SIGN_UP_URL": "", "VITE_CLERK_PUBLISHABLE_KEY": "",
		// What is not, does.
		"NEXT_PUBLIC_CLERK_SIGN_IN_URL": hint + "CLERK_SIGN_IN_URL to the same value", "NUXT_PUBLIC_CLERK_DOMAIN": hint + "CLERK_DOMAIN to the same value",
	} {
		_, warnings, err := load(environment(map[string]string{"CLERK_SIGN_UP_URL": "https://accounts.example.com/sign-up", name: "planted0secret"}))
		require.NoError(t, err, name)
		if want == "" {
			assert.Empty(t, warnings, name)
			continue
		}
		if assert.Len(t, warnings, 1, name) {
			assert.Equal(t, name, warnings[0].Variable)
			assert.Contains(t, warnings[0].Message, want)
			assert.NotContains(t, warnings[0].String(), "planted0secret")
		}
	}
	_, warnings, _ := load(environment(map[string]string{"CLERKGATE_FROBNICATE": "x"}))
	assert.NotContains(t, warnings[0].Message, "did you mean")
}

// The start of most applications with Clerk has the key under the name of its
// framework.
func TestPublishableKeyUnderAFrameworksName(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY", "VITE_CLERK_PUBLISHABLE_KEY", "PUBLIC_CLERK_PUBLISHABLE_KEY", "EXPO_PUBLIC_CLERK_PUBLISHABLE_KEY"} {
		env := environment(map[string]string{name: kit.PublishableKey("test", "a-b-1.clerk.accounts.dev")})
		delete(env, EnvPublishableKey)
		_, warnings, err := load(env)
		require.Error(t, err)
		if assert.Len(t, warnings, 1, name) {
			assert.Equal(t, Warning{name, "is for Clerk's SDKs in browsers and ignored here; set CLERK_PUBLISHABLE_KEY to the same value"}, warnings[0])
		}
	}
}
