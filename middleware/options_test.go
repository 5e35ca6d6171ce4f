package middleware_test

import (
	"encoding/base64"
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/middleware"
)

const plantedSecret = "planted0secret"

func goodOptions() middleware.Options {
	return middleware.Options{
		PublishableKey: "pk_test_" + base64.StdEncoding.EncodeToString([]byte("calm-panda-1.clerk.accounts.dev$")),
		SecretKey:      "sk_test_" + plantedSecret,
	}
}

func optionProblems(t *testing.T, o middleware.Options) []middleware.Problem {
	t.Helper()
	a, err := middleware.New(o)
	if err == nil {
		a.Close()
		return nil
	}
	var invalid *middleware.OptionsError
	require.ErrorAs(t, err, &invalid)
	return invalid.Problems
}

func wheres(problems []middleware.Problem) []string {
	names := make([]string, len(problems))
	for i, p := range problems {
		names[i] = p.Where
	}
	return names
}

func TestOptionsNameEachProblem(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*middleware.Options)
		where  string // "" for good options
		found  string
	}{
		"good":                          {func(*middleware.Options) {}, "", ""},
		"no publishable key":            {func(o *middleware.Options) { o.PublishableKey = "" }, "PublishableKey", "nothing"},
		"secret as publishable key":     {func(o *middleware.Options) { o.PublishableKey = o.SecretKey }, "PublishableKey", "a key that begins with sk_test_"},
		"publishable key cut short":     {func(o *middleware.Options) { o.PublishableKey = "pk_test_" + plantedSecret }, "PublishableKey", "a key that begins with pk_test_"},
		"no secret key":                 {func(o *middleware.Options) { o.SecretKey = "" }, "SecretKey", "nothing"},
		"secret key of production":      {func(o *middleware.Options) { o.SecretKey = "sk_live_" + plantedSecret }, "SecretKey", "a key that begins with sk_live_"},
		"publishable as secret key":     {func(o *middleware.Options) { o.SecretKey = o.PublishableKey }, "SecretKey", "a key that begins with pk_test_"},
		"secret key with a line end":    {func(o *middleware.Options) { o.SecretKey += "\n" }, "SecretKey", "a key that begins with sk_test_"},
		"secret key with a letter":      {func(o *middleware.Options) { o.SecretKey += "é" }, "SecretKey", "a key that begins with sk_test_"},
		"machine secret with a space":   {func(o *middleware.Options) { o.MachineSecretKey = "ak_" + plantedSecret + " x" }, "MachineSecretKey", "a key that begins with ak_"},
		"PEM":                           {func(o *middleware.Options) { o.JWTKey = plantedSecret }, "JWTKey", ""},
		"API URL without a scheme":      {func(o *middleware.Options) { o.APIURL = "api.clerk.com" }, "APIURL", `"api.clerk.com"`},
		"API URL with a password":       {func(o *middleware.Options) { o.APIURL = "https://u:" + plantedSecret + "@api.clerk.com" }, "APIURL", ""},
		"API URL with a query":          {func(o *middleware.Options) { o.APIURL = "https://api.clerk.com/?k=" + plantedSecret }, "APIURL", ""},
		"API version with a slash":      {func(o *middleware.Options) { o.APIVersion = "v1/x" }, "APIVersion", `"v1/x"`},
		"proxy URL":                     {func(o *middleware.Options) { o.ProxyURL = "__clerk" }, "ProxyURL", `"__clerk"`},
		"proxy URL of another host":     {func(o *middleware.Options) { o.ProxyURL = "//evil.example/" }, "ProxyURL", `"//evil.example/"`},
		"sign-in URL":                   {func(o *middleware.Options) { o.SignInURL = "sign-in" }, "SignInURL", `"sign-in"`},
		"sign-up URL":                   {func(o *middleware.Options) { o.SignUpURL = "//sign-up" }, "SignUpURL", `"//sign-up"`},
		"clock skew":                    {func(o *middleware.Options) { o.ClockSkew = -time.Second }, "ClockSkew", "-1s"},
		"kind of token":                 {func(o *middleware.Options) { o.AcceptsToken = []middleware.TokenType{"cookie"} }, "AcceptsToken", `"cookie"`},
		"any beside another":            {func(o *middleware.Options) { o.AcceptsToken = []middleware.TokenType{"any", "api_key"} }, "AcceptsToken", "any beside other kinds"},
		"organization pattern":          {func(o *middleware.Options) { o.OrganizationPatterns = []string{"/orgs/:slug("} }, "OrganizationPatterns", ""},
		"personal account pattern":      {func(o *middleware.Options) { o.PersonalAccountPatterns = []string{"("} }, "PersonalAccountPatterns", ""},
		"token cache":                   {func(o *middleware.Options) { o.TokenCacheSize = -1 }, "TokenCacheSize", "-1"},
		"session look-up":               {func(o *middleware.Options) { o.SessionLookup = "always" }, "SessionLookup", `"always"`},
		"look-up TTL":                   {func(o *middleware.Options) { o.SessionLookupTTL = -1 }, "SessionLookupTTL", "-1ns"},
		"session cache":                 {func(o *middleware.Options) { o.SessionCacheSize = -2 }, "SessionCacheSize", "-2"},
		"backend timeout":               {func(o *middleware.Options) { o.BackendTimeout = -time.Minute }, "BackendTimeout", "-1m0s"},
		"stale keys":                    {func(o *middleware.Options) { o.StaleKeys = -time.Hour }, "StaleKeys", "-1h0m0s"},
		"satellite without a domain":    {func(o *middleware.Options) { o.IsSatellite, o.SignInURL = true, "https://primary.example/" }, "Domain", "nothing"},
		"satellite without a page":      {func(o *middleware.Options) { o.IsSatellite, o.Domain = true, "sat.example" }, "SignInURL", "nothing"},
		"satellite with a path":         {func(o *middleware.Options) { o.IsSatellite, o.Domain, o.SignInURL = true, "sat.example", "/sign-in" }, "SignInURL", `"/sign-in"`},
		"look-ups with a machine's key": {func(o *middleware.Options) { machineOnly(o); o.SessionLookup = middleware.LookupCached }, "SessionLookup", "cached, without a secret key"},
		"a machine's key":               {machineOnly, "", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := goodOptions()
			tt.change(&o)
			problems := optionProblems(t, o)
			if tt.where == "" {
				require.Empty(t, problems)
				return
			}
			require.Equal(t, []string{tt.where}, wheres(problems))
			p := problems[0]
			if tt.found != "" {
				assert.Equal(t, tt.found, p.Found)
			}
			assert.NotEmpty(t, p.Found)
			assert.NotEmpty(t, p.Want)
			assert.NotContains(t, p.String(), plantedSecret)
		})
	}
}

func machineOnly(o *middleware.Options) {
	o.SecretKey, o.MachineSecretKey, o.AcceptsToken = "", "ak_"+plantedSecret, []middleware.TokenType{middleware.M2MToken}
}

// All problems are reported at once, in the order of the fields, and always in the same way.
func TestOptionsErrorListsEverythingInOrder(t *testing.T) {
	t.Parallel()
	bad := middleware.Options{
		PublishableKey: "x", SecretKey: "a b", MachineSecretKey: "a b", JWTKey: "x", APIURL: "https://u:p@api.clerk.com", APIVersion: "a/b",
		ProxyURL: "x", SignInURL: "x", SignUpURL: "x", ClockSkew: -1,
		TrustedProxies: []netip.Prefix{}, AcceptsToken: []middleware.TokenType{"x"},
		OrganizationPatterns: []string{"("}, PersonalAccountPatterns: []string{"("},
		TokenCacheSize: -1, SessionLookup: "x", SessionLookupTTL: -1, SessionCacheSize: -1, BackendTimeout: -1, StaleKeys: -1,
	}
	want := []string{
		"PublishableKey", "SecretKey", "MachineSecretKey", "JWTKey", "APIURL", "APIVersion", "ProxyURL", "SignInURL", "SignUpURL",
		"ClockSkew", "AcceptsToken", "OrganizationPatterns", "PersonalAccountPatterns", "TokenCacheSize", "SessionLookup",
		"SessionLookupTTL", "SessionCacheSize", "BackendTimeout", "StaleKeys",
	}
	fields := make(map[string]int)
	for i, f := range reflect.VisibleFields(reflect.TypeFor[middleware.Options]()) {
		fields[f.Name] = i
	}
	require.True(t, slices.IsSortedFunc(want, func(a, b string) int { return fields[a] - fields[b] }))
	for range 20 {
		require.Equal(t, want, wheres(optionProblems(t, bad)))
	}
}

// A bad PEM beside a bad URL: each is reported under its own field.
func TestOptionsErrorNamesItsOwnFields(t *testing.T) {
	t.Parallel()
	o := goodOptions()
	o.JWTKey, o.APIURL = "x", "https://u:p@api.clerk.com"
	problems := optionProblems(t, o)
	assert.Equal(t, []string{"JWTKey", "APIURL"}, wheres(problems))
	_, err := middleware.New(o)
	assert.NotContains(t, err.Error(), "BaseURL")
}
