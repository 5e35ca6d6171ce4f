package claimheader_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/claimheader"
)

// value is what a template makes of claims and a user; "" for no header.
func value(t testing.TB, template, claims, user string) (got string, lacking bool) {
	t.Helper()
	s, err := claimheader.New([]claimheader.Header{{Name: "X-Value", Value: template}})
	require.NoError(t, err)
	var u *claimheader.User
	if user != "" {
		u = claimheader.NewUser(json.RawMessage(user))
	}
	v := s.Values(json.RawMessage(claims), u)
	assert.True(t, v.Are(s, u))
	v.Write(func(header, value string) {
		assert.Equal(t, "X-Value", header)
		assert.NotEmpty(t, value)
		got = value
	})
	return got, v.Lacking
}

func TestValues(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ template, claims, want string }{
		"text":                    {"email", `{"email":"jane@example.com"}`, "jane@example.com"},
		"number":                  {"level", `{"level":12345678901234567890}`, "12345678901234567890"},
		"boolean":                 {"staff", `{"staff":false}`, "false"},
		"null":                    {"email", `{"email":null}`, ""},
		"empty":                   {"email", `{"email":""}`, ""},
		"absent":                  {"email", `{"mail":"x"}`, ""},
		"no claims":               {"email", ``, ""},
		"nested":                  {"public_metadata.team", `{"public_metadata":{"team":"blue","x":{"team":"red"}}}`, "blue"},
		"below a text":            {"email.team", `{"email":"x"}`, ""},
		"below a list":            {"a.0", `{"a":["x"]}`, ""},
		"the last of two":         {"a", `{"a":"1","a":"2"}`, "2"},
		"case counts":             {"Email", `{"email":"x"}`, ""},
		"list":                    {"groups", `{"groups":["a","b",3,true]}`, "a,b,3,true"},
		"empty list":              {"groups", `{"groups":[]}`, ""},
		"comma in a list":         {"groups", `{"groups":["a,admin","b"]}`, "a%2Cadmin,b"},
		"comma in a text":         {"name", `{"name":"Doe, Jane"}`, "Doe, Jane"},
		"object":                  {"meta", `{"meta": {"a": [1, "ü"]}}`, `{"a":[1,"%C3%BC"]}`},
		"list of objects":         {"meta", `{"meta": [{"a": 1}, null]}`, `[{"a":1},null]`},
		"beyond ASCII":            {"name", `{"name":"Zoë 100%"}`, "Zo%C3%AB 100%25"},
		"header injection":        {"name", `{"name":"x\r\nX-Admin: yes\u0000\t"}`, "x%0D%0AX-Admin: yes%00%09"},
		"outer spaces":            {"name", `{"name":"  jane "}`, "%20%20jane%20"},
		"only spaces":             {"name", `{"name":"  "}`, "%20%20"},
		"longest":                 {"name", `{"name":"` + strings.Repeat("x", 1024) + `"}`, strings.Repeat("x", 1024)},
		"too long":                {"name", `{"name":"` + strings.Repeat("x", 1025) + `"}`, ""},
		"too long once encoded":   {"name", `{"name":"` + strings.Repeat("%", 342) + `"}`, ""},
		"name":                    {"{first_name} {last_name}", `{"first_name":"Jane","last_name":"Doe"}`, "Jane Doe"},
		"name without the first":  {"{first_name} {last_name}", `{"last_name":"Doe"}`, "Doe"},
		"name without the last":   {"{first_name} {last_name}", `{"first_name":"Jane","last_name":null}`, "Jane"},
		"nameless":                {"{first_name} {last_name}", `{}`, ""},
		"text around":             {"user:{sub};team={team}.", `{"sub":"user_1","team":"blue"}`, "user:user_1;team=blue."},
		"text around, one absent": {"{team}/{sub}", `{"sub":"user_1"}`, ""},
		"nothing between":         {"{a}{b}", `{"a":"x"}`, ""},
		"twice":                   {"{a}-{a}", `{"a":"x"}`, "x-x"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, _ := value(t, test.template, test.claims, "")
			assert.Equal(t, test.want, got)
		})
	}
}

func TestUserFillsWhatTheClaimsLack(t *testing.T) {
	t.Parallel()
	const user = `{"id":"user_1","email":"jane@example.com","first_name":"Jane","last_name":null,"public_metadata":{"team":"blue"},"secret":"x"}`
	for name, test := range map[string]struct {
		template, claims, want string
		lacking                bool
	}{
		"claim first": {"email", `{"email":"claim@example.com"}`, "claim@example.com", false},
		"absent":      {"email", `{}`, "jane@example.com", true},
		"null":        {"email", `{"email":null}`, "jane@example.com", true},
		"nested":      {"public_metadata.team", `{}`, "blue", true},
		"half a name": {"{first_name} {last_name}", `{"last_name":"Doe"}`, "Jane Doe", true},
		"not a field": {"secret", `{}`, "", false},
		"of claims":   {"sub", `{"sub":"user_1"}`, "user_1", false},
	} {
		got, lacking := value(t, test.template, test.claims, user)
		assert.Equal(t, test.want, got, name)
		assert.Equal(t, test.lacking, lacking, name)
	}
	for template, asks := range map[string]bool{
		"email": true, "{sub} {phone}": true, "public_metadata": true, "public_metadata.a.b": true, "sub": false, "public_metadatum": false,
	} {
		s, err := claimheader.New([]claimheader.Header{{Name: "X-Value", Value: template}})
		require.NoError(t, err)
		assert.Equal(t, asks, s.AsksUser(), template)
	}
}

func TestFieldsOfUsers(t *testing.T) {
	t.Parallel()
	for _, path := range []string{
		"id", "email", "phone", "username", "first_name", "last_name", "image_url", "external_id",
		"public_metadata", "public_metadata.team", "public_metadata.a.b",
	} {
		assert.True(t, claimheader.IsUserField(path), path)
	}
	for _, path := range []string{
		"", "sub", "sid", "Email", "email.", "email.a", "id.a", "user.email", "email_addresses", "phone_numbers", "primary_email_address_id",
		"private_metadata", "private_metadata.key", "unsafe_metadata", "unsafe_metadata.team", "public_metadatum", "public_metadata_",
		"user.public_metadata", "password_enabled", "banned", "locked", "last_sign_in_at", "created_at", "external_accounts",
	} {
		assert.False(t, claimheader.IsUserField(path), path)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"x-forwarded-email": "X-Forwarded-Email", "X-WEBAUTH-USER": "X-Webauth-User", "Remote-User": "Remote-User", "X-Auth-Request-Email": "X-Auth-Request-Email",
		"X-Forwarded-Preferred-Username": "X-Forwarded-Preferred-Username", "From": "From", "7": "7",
	} {
		got, err := claimheader.Name(name)
		require.NoError(t, err, name)
		assert.Equal(t, want, got)
	}
	for _, name := range []string{
		"", "X_Forwarded_Email", "X-Ü", "X-A b", "X:A", "X-A\r\nB", strings.Repeat("a", 65),
		"Host", "Cookie", "cookie2", "Set-Cookie", "AUTHORIZATION", "Proxy-Authorization", "Content-Type", "Content-Md5", "Content-Anything",
		"Connection", "Keep-Alive", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "Proxy", "Expect", "Http2-Settings",
		"X-Clerk-User-Id", "x-clerk-email", "Clerk-Secret-Key", "Clerkgate-Hops", "Forwarded", "X-Forwarded", "X-Forwarded-For", "X-Forwarded-Host",
		"X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-Ssl", "X-Forwarded-Anything", "X-Real-Ip", "X-HTTP-Method-Override",
		"X-Original-Url", "X-Rewrite-Url", "X-Middleware-Subrequest", "X-Accel-Redirect", "Sec-Fetch-Site", "Access-Control-Allow-Origin", "Origin",
		"Accept", "Accept-Language", "If-Match", "Range", "Vary", "Cache-Control", "Location", "User-Agent", "Via",
	} {
		_, err := claimheader.Name(name)
		assert.Error(t, err, name)
	}
	assert.Equal(t, []string{"X-A", "X-B"}, claimheader.Names(
		[]claimheader.Header{{Name: "X-B"}, {Name: "x-a"}}, nil, []claimheader.Header{{Name: "x-B"}, {Name: "Host"}}))
}

func TestTemplatesThatAreRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", " email", "email ", "{email", "email}", "{}", "{ email }", "{a{b}}", "a b", "a..b", ".a", "a.", "é", "100%{email}", "{email}\r\nX-A: b",
		"unsafe_metadata", "unsafe_metadata.a", "user.unsafe_metadata.a", "{email} {private_metadata.a}", strings.Repeat("a", 129),
		"a.a.a.a.a.a.a.a.a", strings.Repeat("{a}", 200),
	} {
		assert.Error(t, claimheader.Check(text), text)
		_, err := claimheader.New([]claimheader.Header{{Name: "X-A", Value: text}})
		assert.Error(t, err, text)
	}
	_, err := claimheader.New([]claimheader.Header{{Name: "Host", Value: "email"}})
	assert.Error(t, err)
}

// Whatever Clerk or a user says, a value is one line that can be decoded again.
func FuzzValue(f *testing.F) {
	f.Add("Zoë 100%\r\n")
	f.Add(" , ")
	f.Fuzz(func(t *testing.T, s string) {
		claims, err := json.Marshal(map[string]any{"a": s})
		require.NoError(t, err)
		var sent map[string]string
		require.NoError(t, json.Unmarshal(claims, &sent)) // without invalid UTF-8
		got, _ := value(t, "a", string(claims), "")
		for i := range len(got) {
			require.True(t, got[i] >= ' ' && got[i] <= '~', "%q", got)
		}
		require.Equal(t, strings.TrimSpace(got), got)
		decoded, err := url.PathUnescape(got)
		require.NoError(t, err)
		if got != "" {
			require.Equal(t, sent["a"], decoded)
		}
	})
}
