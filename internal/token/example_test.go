package token_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/clerkgate/clerkgate/internal/jwks"
	"github.com/clerkgate/clerkgate/internal/token"
)

// sign makes a session token and the PEM of the key that signed it.
func sign(claims jwt.MapClaims) (raw, publicPEM string) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	raw, err = jwt.NewWithClaims(jwt.SigningMethodRS256, claims).SignedString(private)
	if err != nil {
		panic(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
	if err != nil {
		panic(err)
	}
	return raw, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func ExampleVerifier_Session() {
	raw, publicPEM := sign(jwt.MapClaims{"sub": "user_1", "azp": "https://app.example", "exp": 1_790_000_060})
	keys, err := jwks.NewStatic(publicPEM)
	if err != nil {
		fmt.Println(err)
		return
	}
	clock := time.Unix(1_790_000_000, 0)
	verifier, err := token.New(token.Config{
		Keys:              keys,
		AuthorizedParties: []string{"https://app.example"},
		ClockSkew:         5 * time.Second,
		Now:               func() time.Time { return clock },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	verified, err := verifier.Session(context.Background(), raw)
	fmt.Println(verified.Claims().Subject, err)

	clock = clock.Add(2 * time.Minute)
	_, err = verifier.Session(context.Background(), raw)
	var refusal *token.Error
	if errors.As(err, &refusal) {
		fmt.Println(refusal.Reason)
	}
	// Output:
	// user_1 <nil>
	// token-expired
}

func ExampleDecode() {
	raw, _ := sign(jwt.MapClaims{"sub": "user_1", "sid": "sess_1", "exp": 1})
	unverified, err := token.Decode(raw)
	if err != nil {
		fmt.Println(err)
		return
	}
	sid, _ := unverified.SID() // good for asking Clerk about it, not for trusting it
	fmt.Println(sid)
	// Output: sess_1
}
