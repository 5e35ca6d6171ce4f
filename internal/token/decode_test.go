package token

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/javascript"
)

// decodeCase is a case of testdata/decode.json, whose expectations are answers
// of the reference's decodeJwt.
type decodeCase struct {
	Name, Token, Error, Exp, Iat string
	Sub                          *string
}

func loadCases[T any](tb testing.TB, file string) []T {
	tb.Helper()
	text, err := os.ReadFile(file)
	require.NoError(tb, err)
	var cases []T
	require.NoError(tb, json.Unmarshal(text, &cases))
	require.NotEmpty(tb, cases)
	return cases
}

func TestDecodeLikeTheReference(t *testing.T) {
	t.Parallel()
	for _, tt := range loadCases[decodeCase](t, "testdata/decode.json") {
		t.Run(tt.Name, func(t *testing.T) {
			t.Parallel()
			u, err := Decode(tt.Token)
			if tt.Error != "" {
				require.Error(t, err)
				assert.Nil(t, u)
				assert.Equal(t, ReasonInvalid, reasonOf(t, err))
				assert.Equal(t, tt.Error, err.(*Error).Message)
				return
			}
			require.NoError(t, err)
			sub, ok := u.doc.sub.Text()
			assert.Equal(t, tt.Sub != nil, ok)
			if ok && tt.Sub != nil {
				assert.Equal(t, *tt.Sub, sub)
			}
			assertNumber(t, tt.Exp, u.EXP)
			assertNumber(t, tt.Iat, u.IAT)
		})
	}
}

func assertNumber(t *testing.T, want string, get func() (float64, bool)) {
	t.Helper()
	n, ok := get()
	require.Equal(t, want != "", ok)
	switch {
	case !ok:
	case strings.HasSuffix(want, "Infinity"):
		assert.Equal(t, want == "Infinity", n > 1e308)
		assert.Equal(t, want == "-Infinity", n < -1e308)
	default:
		var f float64
		require.NoError(t, json.Unmarshal([]byte(want), &f))
		assert.InDelta(t, f, n, 0)
	}
}

func TestDecodeSizeLimit(t *testing.T) {
	t.Parallel()
	raw := encode(`{"alg":"RS256"}`) + "." + encode(`{}`) + "."
	longest := raw + strings.Repeat("A", MaxSize-len(raw)-(MaxSize-len(raw))%4)
	_, err := Decode(longest)
	require.NoError(t, err)
	_, err = Decode(longest + strings.Repeat("=", MaxSize-len(longest)+1))
	assert.Equal(t, ReasonInvalid, reasonOf(t, err))
	_, err = Decode(strings.Repeat(".", 1<<20))
	assert.Equal(t, ReasonInvalid, reasonOf(t, err))
}

func TestUnverifiedClaims(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, claims string
		iss          string
		ok, truthy   bool
		sid          string
		sidTruthy    bool
	}{
		{name: "text", claims: `{"iss":"https://x","sid":"sess_1"}`, iss: "https://x", ok: true, truthy: true, sid: "sess_1", sidTruthy: true},
		{name: "empty", claims: `{"iss":"","sid":""}`, ok: true},
		{name: "absent", claims: `{}`},
		{name: "null", claims: `{"iss":null,"sid":null}`},
		{name: "false", claims: `{"iss":false,"sid":false}`},
		{name: "zero", claims: `{"iss":-0.0,"sid":0}`},
		{name: "number", claims: `{"iss":5,"sid":5}`, truthy: true, sid: "5", sidTruthy: true},
		{name: "object", claims: `{"iss":{},"sid":[]}`, truthy: true, sidTruthy: true},
		{name: "list of claims", claims: `[]`},
		{name: "null claims", claims: `null`},
		{name: "number claims", claims: `5`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			u, err := Decode(encode(`{}`) + "." + encode(tt.claims) + ".")
			require.NoError(t, err)
			iss, ok, truthy := u.Issuer()
			assert.Equal(t, tt.iss, iss)
			assert.Equal(t, tt.ok, ok)
			assert.Equal(t, tt.truthy, truthy)
			sid, sidTruthy := u.SID()
			assert.Equal(t, tt.sid, sid)
			assert.Equal(t, tt.sidTruthy, sidTruthy)
		})
	}
}

func TestKindsAndCategories(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, header, claims, signature string
		kind                            string
		nonSession                      bool
	}{
		{name: "session", header: `{"typ":"JWT","cat":"cl_B7d4PD111AAA"}`, claims: `{"sub":"user_1"}`},
		{name: "ignore", header: `{"cat":"cl_I7d4PD111III"}`, claims: `{}`},
		{name: "category absent", header: `{}`, claims: `{}`},
		{name: "category empty", header: `{"cat":""}`, claims: `{}`, nonSession: true},
		{name: "category null", header: `{"cat":null}`, claims: `{}`, nonSession: true},
		{name: "category number", header: `{"cat":1}`, claims: `{}`, nonSession: true},
		{name: "template", header: `{"cat":"cl_B7d4PD222AAA"}`, claims: `{}`, nonSession: true},
		{name: "m2m", header: `{"cat":"cl_B7d4PD333AAA"}`, claims: `{"sub":"mch_1"}`, kind: KindM2M, nonSession: true},
		{name: "m2m without category", header: `{}`, claims: `{"sub":"mch_1"}`, kind: KindM2M},
		{name: "subject in a list", header: `{}`, claims: `{"sub":["mch_1"]}`},
		{name: "oauth", header: `{"typ":"at+jwt"}`, claims: `{"sub":"user_1"}`, kind: KindOAuth},
		{name: "oauth long", header: `{"typ":"application/at+jwt"}`, claims: `{"sub":"user_1"}`, kind: KindOAuth},
		{name: "oauth in capitals", header: `{"typ":"AT+JWT"}`, claims: `{"sub":"user_1"}`},
		{name: "both", header: `{"typ":"at+jwt"}`, claims: `{"sub":"mch_1"}`, kind: KindM2M},
		{name: "padded", header: `{"typ":"at+jwt"}`, claims: `{"sub":"mch_1"}`, signature: "AAAA="},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.signature == "" {
				tt.signature = "AAAA"
			}
			raw := encode(tt.header) + "." + encode(tt.claims) + "." + tt.signature
			u, err := Decode(raw)
			require.NoError(t, err)
			assert.Equal(t, tt.kind, u.MachineKind())
			assert.Equal(t, tt.kind != "", u.IsMachineJWT())
			assert.Equal(t, tt.nonSession, u.NonSessionCategory())
			assert.Equal(t, !strings.HasSuffix(raw, "="), IsJWTFormat(raw))
		})
	}
}

// FuzzDecode holds that decoding never panics, that claims come only from JSON
// that encoding/json takes for valid, and that the last of a name counts.
func FuzzDecode(f *testing.F) {
	for _, c := range loadCases[decodeCase](f, "testdata/decode.json") {
		f.Add(c.Token)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := Decode(raw)
		if err != nil {
			require.Nil(t, u)
			require.NotContains(t, err.Error(), raw+"x")
			return
		}
		require.Equal(t, raw, u.Raw())
		require.True(t, utf8.Valid(u.doc.payload))
		var members map[string]json.RawMessage
		_ = json.Unmarshal(u.doc.payload, &members) // anything but an object has no members
		for name, v := range map[string]javascript.Value{"iss": u.doc.iss, "sub": u.doc.sub, "aud": u.doc.aud, "exp": u.doc.exp} {
			want, ok := members[name]
			require.Equal(t, ok, v.Defined())
			require.Equal(t, string(want), string(v.Raw))
			_ = quoted(v)
			if list, ok := v.List(); ok {
				var elems []json.RawMessage
				require.NoError(t, json.Unmarshal(v.Raw, &elems))
				require.Len(t, list, len(elems))
			}
		}
		require.Equal(t, u.MachineKind() != "", u.IsMachineJWT())
		remembered := u.forgotten(&Verified{})
		require.Equal(t, answers(u), answers(&remembered))
	})
}

// answers is everything that a token says of itself, as text since NaN equals
// nothing. A remembered token must say the same.
func answers(u *Unverified) string {
	issuer, isText, issuerTrue := u.Issuer()
	sid, sidTrue := u.SID()
	iat, hasIAT := u.IAT()
	exp, hasEXP := u.EXP()
	return fmt.Sprintf("%q %q", u.Raw(), []any{
		issuer, isText, issuerTrue, sid, sidTrue, iat, hasIAT, exp, hasEXP, u.IssuedBefore(1790000000),
		u.IssuedAfter(nil), u.ExpiresUntil(1790000000), u.HeaderIsNull(), u.ClaimsAreNull(),
		u.NonSessionCategory(), u.MachineKind(), u.is(u.Raw()), u.is(u.Raw() + "="),
		fmt.Sprintf("%+v", *parseClaims(u.document(), kindSession)), fmt.Sprintf("%+v", *parseClaims(u.document(), kindOAuth)),
	})
}
