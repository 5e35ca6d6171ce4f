package differential_test

import (
	"bytes"
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"strings"
)

// draft is a token before it is signed.
type draft struct {
	header, payload       map[string]any
	rawHeader, rawPayload string // replace the maps
	key                   *rsa.PrivateKey
	method                string // how it is signed, whatever the header says
	after                 func(string) string
}

// mutation changes a token.
type mutation func(d dice, g *generator, t *draft)

// session returns a session token of the generator's instance.
func (g *generator) session(m mutation) (token string, issuedAt int64) {
	d, in := g.dice, g.in
	iat := g.now - 20 - int64(d.IntN(20))
	t := &draft{
		header: map[string]any{"alg": "RS256", "kid": in.kid, "typ": "JWT"},
		payload: map[string]any{
			"azp": in.origin, "iss": "https://" + in.frontendAPI, "sub": d.id("user"), "sid": d.id("sess"),
			"iat": iat, "nbf": iat - 10, "exp": g.now + 40,
		},
		key: g.keys.main, method: "RS256",
	}
	if in.production && in.Options.IsSatellite && in.Options.Domain != "" && d.percent(70) {
		t.payload["iss"] = "https://clerk." + in.Options.Domain
	}
	if m != nil {
		m(d, g, t)
	}
	return t.sign(g.keys), iat
}

func compact(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // a mutation that does not encode to JSON is a bug in this test
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func (t *draft) sign(k *keyring) string {
	header, payload := t.rawHeader, t.rawPayload
	if header == "" {
		header = compact(t.header)
	}
	if payload == "" {
		payload = compact(t.payload)
	}
	input := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(payload))
	token := input + "." + base64.RawURLEncoding.EncodeToString(t.signature(input, k))
	if t.after != nil {
		token = t.after(token)
	}
	return token
}

func (t *draft) signature(input string, k *keyring) []byte {
	var sig []byte
	var err error
	switch t.method {
	case "RS512":
		sum := sha512.Sum512([]byte(input))
		sig, err = rsa.SignPKCS1v15(nil, t.key, crypto.SHA512, sum[:])
	case "PS256":
		sum := sha256.Sum256([]byte(input))
		sig, err = rsa.SignPSS(rand.Reader, t.key, crypto.SHA256, sum[:], nil)
	case "HS256":
		mac := hmac.New(sha256.New, []byte(k.pem))
		mac.Write([]byte(input))
		sig = mac.Sum(nil)
	case "none":
	default:
		sum := sha256.Sum256([]byte(input))
		sig, err = rsa.SignPKCS1v15(nil, t.key, crypto.SHA256, sum[:])
	}
	if err != nil {
		panic(err)
	}
	return sig
}

func setHeader(name string, value any) mutation {
	return func(_ dice, _ *generator, t *draft) { t.header[name] = value }
}

func setClaim(name string, value any) mutation {
	return func(_ dice, _ *generator, t *draft) { t.payload[name] = value }
}

func dropHeader(name string) mutation {
	return func(_ dice, _ *generator, t *draft) { delete(t.header, name) }
}

func dropClaim(name string) mutation {
	return func(_ dice, _ *generator, t *draft) { delete(t.payload, name) }
}

// atTime sets a claim relative to now; skews counts the instance's clock skew.
func atTime(name string, skews int64, offset float64) mutation {
	return func(_ dice, g *generator, t *draft) {
		v := float64(g.now+skews*g.in.skew) + offset
		t.payload[name] = v
	}
}

func signedBy(method string, alg any) mutation {
	return func(_ dice, _ *generator, t *draft) { t.method, t.header["alg"] = method, alg }
}

func afterwards(f func(string) string) mutation {
	return func(_ dice, _ *generator, t *draft) { t.after = f }
}

func both(list ...mutation) mutation {
	return func(d dice, g *generator, t *draft) {
		for _, m := range list {
			m(d, g, t)
		}
	}
}

// expired returns a mutation for a token that can be refreshed.
func expired(d dice, g *generator, t *draft) {
	t.payload["exp"] = g.now - g.in.skew - int64(d.IntN(40))
	t.payload["iat"] = g.now - g.in.skew - 100
	t.payload["nbf"] = g.now - g.in.skew - 110
}

func flipSignature(token string) string {
	i := strings.LastIndexByte(token, '.') + 1
	if i >= len(token) {
		return token
	}
	other := byte('A')
	if token[i] == 'A' {
		other = 'B'
	}
	return token[:i] + string(other) + token[i+1:]
}

// oddValues are values that do not occur in Clerk's tokens.
func oddValue(d dice) any {
	return pick[any](d, nil, true, false, 0, -1, 1.5, 1e15, 1e21, json.RawMessage("1e999"), json.RawMessage("-0"), "", " ", "0", "1e3", "x", "true", "é✓", []any{}, []any{"a"}, []any{nil}, []any{1, "a"}, map[string]any{}, map[string]any{"a": 1}, []any{[]any{"a"}}, "a\u0000b")
}

// oddMix replaces one to three members with odd values.
func oddMix(d dice, g *generator, t *draft) {
	for range 1 + d.IntN(3) {
		if d.percent(30) {
			t.header[pick(d, "alg", "kid", "typ", "cat", "crit", "x")] = oddValue(d)
			continue
		}
		name := pick(d, "sub", "sid", "iss", "azp", "aud", "exp", "nbf", "iat", "sts", "v", "o", "fva", "act", "org_id", "org_slug", "org_role", "org_permissions", "fea", "pla")
		if d.percent(15) {
			delete(t.payload, name)
			continue
		}
		t.payload[name] = oddValue(d)
	}
}

// foreignCategory reads the category of a token without verifying it.
func foreignCategory(token string) bool {
	part, _, _ := strings.Cut(token, ".")
	raw, _ := base64.RawURLEncoding.DecodeString(part)
	var header map[string]any
	_ = json.Unmarshal(raw, &header)
	cat, has := header["cat"]
	return has && cat != "cl_B7d4PD111AAA" && cat != "cl_I7d4PD111III"
}
