package settings

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/middleware"
)

// What is printed as the default is what holds without the variable.
func TestPrintedDefaultsAreInForce(t *testing.T) {
	t.Parallel()
	plain, _, err := load(environment(nil))
	require.NoError(t, err)
	var none Config
	for i, r := range none.table() {
		if r.value.standard == "" {
			continue
		}
		changes := map[string]string{r.name: r.value.standard}
		if r.name == EnvSessionLookupTTL {
			changes[EnvSessionLookup] = "cached"
		}
		if r.name == EnvEnrichTTL {
			changes[EnvEnrich], changes[EnvClaimHeaders] = "user", "X-Forwarded-Email=email"
		}
		cfg, _, err := load(environment(changes))
		if assert.NoError(t, err, r.name) {
			assert.Equal(t, plain.table()[i].value.text(), cfg.table()[i].value.text(), r.name)
		}
		defaults := none.WithDefaults()
		assert.Equal(t, plain.table()[i].value.text(), defaults.table()[i].value.text(), r.name)
	}
}

func TestRowsAreWhole(t *testing.T) {
	t.Parallel()
	var c Config
	names := make(map[string]bool)
	options := reflect.TypeFor[middleware.Options]()
	for _, r := range c.table() {
		assert.False(t, names[r.name], "%s stands twice", r.name)
		names[r.name] = true
		assert.True(t, ownVariable(r.name), r.name)
		assert.NotEmpty(t, r.help, r.name)
		assert.NotEmpty(t, r.value.kind, r.name)
		assert.False(t, r.value.standard != "" && r.unset != "", "%s: a default is said once", r.name)
		if r.option != "" {
			_, ok := options.FieldByName(r.option)
			assert.True(t, ok, "%s: Options has no %s", r.name, r.option)
			assert.Equal(t, r.name, variableOf(r.option))
		}
	}
}

// Every variable of the public listener needs a restart, and what leads to the
// application does not.
func TestNeedRestart(t *testing.T) {
	t.Parallel()
	old, _, err := load(environment(nil))
	require.NoError(t, err)
	assert.Empty(t, NeedRestart(old, old))
	assert.Empty(t, NeedRestart(Config{}, Config{}.WithDefaults()), "a default written out is no change")
	for name, values := range map[string]map[string]string{
		EnvListen: {EnvListen: ":1"}, "CLERKGATE_MAX_STREAMS": {"CLERKGATE_MAX_STREAMS": "7"},
		EnvAuthorizedParties: {EnvAuthorizedParties: "https://app.example.com"},
	} {
		next, _, err := load(environment(values))
		require.NoError(t, err)
		assert.Equal(t, []Problem{{Where: name, Found: "another value than at the start", Want: "the same value, or a restart"}}, NeedRestart(old, next))
	}
	for name, value := range map[string]string{EnvUpstream: "http://127.0.0.1:1", EnvPolicy: "optional", EnvCSRF: "off", "CLERKGATE_UPSTREAM_TIMEOUT": "3s"} {
		next, _, err := load(environment(map[string]string{name: value}))
		require.NoError(t, err)
		assert.Empty(t, NeedRestart(old, next), name)
	}
}

func TestProblemsStandInTheOrderOfTheTable(t *testing.T) {
	t.Parallel()
	env := map[string]string{EnvConfig: "none.yaml"}
	for _, r := range new(Config).table() {
		if env[r.name] == "" {
			env[r.name] = "%zz"
		}
		if r.secret {
			env[r.name] = "planted0secret"
		}
	}
	var first error
	for range 5 {
		_, _, err := load(env)
		require.Error(t, err)
		assert.NotContains(t, err.Error(), "planted0secret")
		if first == nil {
			first = err
		}
		assert.Equal(t, first.Error(), err.Error())
	}
	var invalid *Error
	require.ErrorAs(t, first, &invalid)
	last, order := -1, make(map[string]int)
	for i, v := range Variables() {
		order[v.Name] = i
	}
	for _, p := range invalid.Problems {
		assert.GreaterOrEqual(t, order[p.Where], last, p.Where)
		last = order[p.Where]
	}
}

// A flag is read as one variable, and no secret has one.
func TestFlagsOfVariables(t *testing.T) {
	t.Parallel()
	named := make(map[string]string)
	for _, v := range Variables() {
		if v.Secret {
			assert.Empty(t, v.Flag, v.Name)
			continue
		}
		require.NotEmpty(t, v.Flag, v.Name)
		assert.Empty(t, named[v.Flag], "%s has the flag of another", v.Name)
		named[v.Flag] = v.Name
	}
	assert.Equal(t, "CLERKGATE_LISTEN", named["listen"])
	assert.Equal(t, "CLERK_SIGN_IN_URL", named["sign-in-url"])
}
