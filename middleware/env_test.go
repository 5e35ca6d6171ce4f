package middleware_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/middleware"
)

// lookupIn is os.LookupEnv of an environment that a test wrote.
func lookupIn(env map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		value, ok := env[name]
		return value, ok
	}
}

func TestOptionsFromEnv(t *testing.T) {
	t.Parallel()
	clerk := clerktest.NewServer(t, clerktest.Options{})
	opts, err := middleware.OptionsFromEnv(lookupIn(map[string]string{
		"CLERK_PUBLISHABLE_KEY": clerk.PublishableKey(), "CLERK_SECRET_KEY": " " + clerk.SecretKey() + "\n",
		"CLERK_API_URL": clerk.URL, "CLERK_API_VERSION": "v1", "CLERK_PROXY_URL": "/__clerk", "CLERK_JWT_KEY": clerk.JWTKey(),
		"CLERK_SIGN_IN_URL": "https://example.com/sign-in", "CLERK_SIGN_UP_URL": "/sign-up", "CLERK_MACHINE_SECRET_KEY": "ak_1",
		"CLERK_DOMAIN": "satellite.example.com", "CLERK_IS_SATELLITE": "True", "CLERK_SATELLITE_AUTO_SYNC": "1", "HOME": "/root",
	}))
	require.NoError(t, err)
	assert.Equal(t, middleware.Options{
		PublishableKey: clerk.PublishableKey(), SecretKey: clerk.SecretKey(), MachineSecretKey: "ak_1", JWTKey: opts.JWTKey,
		APIURL: clerk.URL, APIVersion: "v1", ProxyURL: "/__clerk", Domain: "satellite.example.com", IsSatellite: true,
		SatelliteAutoSync: true, SignInURL: "https://example.com/sign-in", SignUpURL: "/sign-up",
	}, opts)
	assert.Contains(t, opts.JWTKey, "BEGIN PUBLIC KEY")
	a, err := middleware.New(opts)
	require.NoError(t, err)
	a.Close()
}

// All problems are reported at once, by variable, and no secret is shown.
func TestOptionsFromEnvNamesEveryProblem(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		env  map[string]string
		want []string
	}{
		"nothing set": {nil, []string{"CLERK_PUBLISHABLE_KEY", "CLERK_SECRET_KEY"}},
		"all wrong": {map[string]string{
			"CLERK_PUBLISHABLE_KEY": "planted", "CLERK_SECRET_KEY": "planted", "CLERK_JWT_KEY": "/run/planted.pem", "CLERK_API_URL": "planted",
			"CLERK_PROXY_URL": "planted", "CLERK_IS_SATELLITE": "yes", "CLERK_SIGN_UP_URL": "sign-up",
		}, []string{
			"CLERK_PUBLISHABLE_KEY", "CLERK_SECRET_KEY", "CLERK_JWT_KEY", "CLERK_API_URL", "CLERK_PROXY_URL", "CLERK_IS_SATELLITE", "CLERK_SIGN_UP_URL",
		}},
		"keys of two kinds": {map[string]string{
			"CLERK_PUBLISHABLE_KEY": "pk_test_Y2xlcmsuZXhhbXBsZS5hY2NvdW50cy5kZXYk", "CLERK_SECRET_KEY": "sk_live_planted",
		}, []string{"CLERK_SECRET_KEY"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts, err := middleware.OptionsFromEnv(lookupIn(c.env))
			var invalid *middleware.OptionsError
			require.ErrorAs(t, err, &invalid)
			assert.Zero(t, opts)
			var got []string
			for _, p := range invalid.Problems {
				got = append(got, p.Where)
				assert.NotEmpty(t, p.Found, p.Where)
				assert.NotEmpty(t, p.Want, p.Where)
				if p.Where == "CLERK_PUBLISHABLE_KEY" || p.Where == "CLERK_SECRET_KEY" || p.Where == "CLERK_JWT_KEY" {
					assert.NotContains(t, p.String(), "planted")
				}
			}
			assert.Equal(t, c.want, got)
		})
	}
}
