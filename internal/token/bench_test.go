package token

import (
	"strconv"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"
)

const ordinaryClaims = `{"azp":"https://app.example.com","exp":1790000060,"fva":[4,-1],"iat":1790000000,` +
	`"iss":"https://clerk.example.com","jti":"c3d1a0b2e4f5","nbf":1789999990,"sid":"sess_3aQm8XcVtb2LpR9dWz7YkEfHs1J",` +
	`"sub":"user_3aQm7HnUe5KdT1gBx4ZwPvRoC6L","v":2,"sts":"active","pla":"o:team",` +
	`"fea":"o:invoices,ou:reports,o:exports,u:themes","o":{"id":"org_3aQm5TpWk1HbZ6cMy8RnSeJgA4U","slg":"acme",` +
	`"rol":"approver","per":"view,approve,delete","fpm":"5,1,0,0"}}`

// BenchmarkFirstSeen and BenchmarkPlainJWT are to be read together: the first
// must not cost more than 1.1 times the second.
func BenchmarkFirstSeen(b *testing.B) {
	s := newSigner(b)
	raw := s.signText(b, goodHeader, ordinaryClaims)
	v := s.verifier(b, func(c *Config) { c.CacheSize = -1 })
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Session(b.Context(), raw); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPlainJWT(b *testing.B) {
	s := newSigner(b)
	raw := s.signText(b, goodHeader, ordinaryClaims)
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"RS256"}), jwt.WithTimeFunc(func() time.Time { return now }))
	keyFunc := func(*jwt.Token) (any, error) { return &s.private.PublicKey, nil }
	b.ReportAllocs()
	for b.Loop() {
		if _, err := parser.ParseWithClaims(raw, &jwt.RegisteredClaims{}, keyFunc); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	raw := newSigner(b).signText(b, goodHeader, ordinaryClaims)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(raw); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHit(b *testing.B) {
	s := newSigner(b)
	raw := s.signText(b, goodHeader, ordinaryClaims)
	v := s.verifier(b, func(c *Config) { c.Now = nil; c.ClockSkew = 1 << 62 })
	_, err := v.Session(b.Context(), raw)
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Session(b.Context(), raw); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHitParallel(b *testing.B) {
	s := newSigner(b)
	v := s.verifier(b, nil)
	var tokens []string
	for i := range 64 {
		raw := s.signText(b, goodHeader, `{"n":`+strconv.Itoa(i)+`,`+ordinaryClaims[1:])
		_, err := v.Session(b.Context(), raw)
		require.NoError(b, err)
		tokens = append(tokens, raw)
	}
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			if _, err := v.Session(b.Context(), tokens[i%len(tokens)]); err != nil {
				b.Error(err)
			}
		}
	})
}
