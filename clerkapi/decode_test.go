package clerkapi_test

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi"
)

// decodedTypes are all the types that the package decodes, each with a body that a client may get.
func decodedTypes() map[string]struct {
	into func() any
	body string
} {
	type decoded = struct {
		into func() any
		body string
	}
	return map[string]decoded{
		"session":            {func() any { return new(clerkapi.Session) }, sessionJSON},
		"page of sessions":   {func() any { return new(clerkapi.Page[clerkapi.Session]) }, `{"data":[` + sessionJSON + `],"total_count":3}`},
		"array of sessions":  {func() any { return new(clerkapi.Page[clerkapi.Session]) }, `[` + sessionJSON + `]`},
		"token":              {func() any { return new(clerkapi.Token) }, tokenJSON},
		"cookies":            {func() any { return new(clerkapi.Cookies) }, `{"object":"cookies","cookies":["a=1"]}`},
		"refresh to token":   {func() any { return new(clerkapi.SessionRefresh) }, tokenJSON},
		"refresh to cookies": {func() any { return new(clerkapi.SessionRefresh) }, `{"object":"cookies","cookies":["a=1"]}`},
		"client":             {func() any { return new(clerkapi.ClientResource) }, clientJSON},
		"handshake payload":  {func() any { return new(clerkapi.HandshakePayload) }, `{"directives":["a=1"]}`},
		"JWKS":               {func() any { return new(clerkapi.JWKS) }, `{"keys":[{"use":"sig","kty":"RSA","kid":"ins_1","alg":"RS256","n":"yQ","e":"AQAB"}]}`},
		"M2M token":          {func() any { return new(clerkapi.M2MToken) }, m2mJSON},
		"API key":            {func() any { return new(clerkapi.APIKey) }, apiKeyJSON},
		"OAuth token":        {func() any { return new(clerkapi.OAuthAccessToken) }, oauthJSON},
		"testing token":      {func() any { return new(clerkapi.TestingToken) }, `{"object":"testing_token","token":"t","expires_at":1767229200}`},
		"sign-in token":      {func() any { return new(clerkapi.SignInToken) }, signInTokenJSON},
		"user":               {func() any { return new(clerkapi.User) }, userJSON},
		"webhook event":      {func() any { return new(clerkapi.WebhookEvent) }, `{"type":"session.created","object":"event","data":{"a":1}}`},
		"error item":         {func() any { return new(clerkapi.ErrorItem) }, `{"code":"c","message":"m","long_message":"l","meta":{"param_name":"p"}}`},
	}
}

// Clerk's own clients are written in languages in which "STATUS" is another key than "status".
func TestKeysInOtherLettersAreOtherKeys(t *testing.T) {
	t.Parallel()
	for name, d := range decodedTypes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, got := d.into(), d.into()
			require.NoError(t, json.Unmarshal([]byte(d.body), want))
			require.NotEqual(t, d.into(), want)
			body := shadowed(t, json.RawMessage(d.body))
			require.Contains(t, string(body), `"\u0000"`)
			require.NoError(t, json.Unmarshal(body, got))
			assert.Equal(t, withoutRaw(want), withoutRaw(got))
		})
	}
}

// shadowed puts behind every member of every object the same in upper case and in title case, with another value.
func shadowed(t testing.TB, raw json.RawMessage) json.RawMessage {
	t.Helper()
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) == nil && list != nil {
		for i := range list {
			list[i] = shadowed(t, list[i])
		}
		out, err := json.Marshal(list)
		require.NoError(t, err)
		return out
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(raw, &object) != nil || object == nil {
		return raw
	}
	var members, shadows []string
	for _, key := range slices.Sorted(maps.Keys(object)) {
		value := object[key]
		if !strings.HasSuffix(key, "metadata") && key != "claims" && key != "meta" && key != "data" || value[0] == '[' { // free-form
			value = shadowed(t, value)
		}
		members = append(members, `"`+key+`":`+string(value))
		shadows = append(shadows, `"`+strings.ToUpper(key)+`":"\u0000"`, `"`+strings.ToUpper(key[:1])+key[1:]+`":["\u0000"]`)
	}
	return json.RawMessage("{" + strings.Join(append(members, shadows...), ",") + "}")
}

func withoutRaw(v any) any {
	if u, ok := v.(*clerkapi.User); ok {
		u.Raw = nil
	}
	return v
}

func TestIntegersAsJSONWritesThem(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"0": 0, "-0": 0, "5": 5, "5.0": 5, "-5.00": -5, "1.767e12": 1767000000000, "1767225600000.0": 1767225600000, "1767225600E3": 1767225600000,
		"50e-1": 5, "9007199254740992.0": 1 << 53, "9223372036854775807": 1<<63 - 1, "-9223372036854775808": -1 << 63, "null": 0,
	} {
		var s clerkapi.Session
		require.NoError(t, json.Unmarshal([]byte(`{"created_at":`+text+`}`), &s), text)
		assert.Equal(t, want, s.CreatedAt, text)
		var m clerkapi.M2MToken
		require.NoError(t, json.Unmarshal([]byte(`{"expiration":`+text+`}`), &m), text)
		if text == "null" {
			assert.Nil(t, m.Expiration)
			continue
		}
		assert.Equal(t, want, *m.Expiration, text)
	}
	for _, text := range []string{"5.5", "1e-1", "1e400", "-1e400", "1e19", "9223372036854775808", "9007199254740994.0", `"5"`, "true", "[]", "{}"} {
		var s clerkapi.Session
		require.ErrorContains(t, json.Unmarshal([]byte(`{"created_at":`+text+`}`), &s), "created_at: ", text)
		var page clerkapi.Page[clerkapi.Session]
		require.ErrorContains(t, json.Unmarshal([]byte(`{"total_count":`+text+`}`), &page), "total_count: ", text)
	}
}

// A repeated key: the last one counts, whole, as for JSON.parse.
func TestLastOfARepeatedKeyCounts(t *testing.T) {
	t.Parallel()
	var s clerkapi.Session
	require.NoError(t, json.Unmarshal([]byte(`{"status":"active","status":"revoked","latest_activity":{"id":"1","city":"Lyon"},
		"latest_activity":{"id":"2"},"tasks":[{"key":"a"},{"key":"b"}],"tasks":[{}],"actor":{"sub":"x"},"actor":null,
		"last_active_organization_id":"org_1","last_active_organization_id":null}`), &s))
	assert.Equal(t, "revoked", s.Status)
	assert.Equal(t, &clerkapi.SessionActivity{ID: "2"}, s.LatestActivity)
	assert.Equal(t, []clerkapi.SessionTask{{}}, s.Tasks)
	assert.Nil(t, s.LastActiveOrganizationID)
	assert.Equal(t, "null", string(s.Actor))
}

func TestTypesThatDoNotFit(t *testing.T) {
	t.Parallel()
	for body, where := range map[string]string{
		`{"id":7}`:                            "id: ",
		`{"id":["x"]}`:                        "id: ",
		`{"tasks":{}}`:                        "tasks: ",
		`{"tasks":"x"}`:                       "tasks: ",
		`{"tasks":[{"key":"a"},7]}`:           "tasks: item 1: ",
		`{"tasks":[{"key":false}]}`:           "tasks: item 0: key: ",
		`{"latest_activity":[]}`:              "latest_activity: ",
		`{"latest_activity":{"is_mobile":1}}`: "latest_activity: is_mobile: ",
		`[]`:                                  "want an object",
		`7`:                                   "want an object",
		`"x"`:                                 "want an object",
	} {
		s := clerkapi.Session{}
		assert.ErrorContains(t, json.Unmarshal([]byte(body), &s), where, body)
	}
	var s clerkapi.Session
	require.NoError(t, json.Unmarshal([]byte(`null`), &s))
	assert.Equal(t, clerkapi.Session{}, s)
}

// FuzzDecode: what decodes is, member for member, what a reader that goes by exact keys finds.
func FuzzDecode(f *testing.F) {
	for _, d := range decodedTypes() {
		f.Add([]byte(d.body))
	}
	f.Add([]byte(`{"id":"a","ID":"b","status":"c","created_at":5.0,"tasks":[{"key":"k","KEY":"l"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var s clerkapi.Session
		if json.Unmarshal(body, &s) != nil {
			return
		}
		var members map[string]any
		require.NoError(t, json.Unmarshal(body, &members), "anything but an object must not decode")
		v := reflect.ValueOf(s)
		for i := range v.NumField() {
			name := v.Type().Field(i).Tag.Get("json")
			switch field := v.Field(i).Interface().(type) {
			case string:
				want, _ := members[name].(string)
				require.Equal(t, want, field, name)
			case int64:
				want, _ := members[name].(float64)
				require.InDelta(t, want, float64(field), 0, name)
			}
		}
	})
}
