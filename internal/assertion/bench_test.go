package assertion_test

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/assertion"
)

// BenchmarkSign shows what a signature costs and that the next request does not
// pay it again.
func BenchmarkSign(b *testing.B) {
	for name, private := range map[string]any{"ES256": p256(b), "EdDSA": ed(b)} {
		s, err := assertion.NewSigner(assertion.Options{Keys: load(b, file(b, pkcs8(b, private))), Issuer: issuer, Size: 1})
		require.NoError(b, err)
		b.Run(name+"/new", func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := s.Sign(assertion.Subject{UserID: "user_" + strconv.Itoa(i)}, audience); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/again", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Sign(jane(), audience); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestSigningAgainAllocatesNothing(t *testing.T) {
	s := signer(t, load(t, file(t, pkcs8(t, ed(t)))), &clock{})
	subject := jane()
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		if _, err := s.Sign(subject, audience); err != nil {
			t.Error(err)
		}
	}))
}
