package assertion_test

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/clerkgate/clerkgate/internal/assertion"
)

func Example() {
	// openssl genpkey -algorithm ed25519 -out assertion.pem
	private := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		panic(err)
	}
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "assertion.pem")
	if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		panic(err)
	}

	keys, err := assertion.Load([]string{name})
	if err != nil {
		panic(err)
	}
	signer, err := assertion.NewSigner(assertion.Options{
		Keys: keys, Issuer: "https://app.example.com", Now: func() time.Time { return time.Unix(1_790_000_000, 0) },
	})
	if err != nil {
		panic(err)
	}
	raw, err := signer.Sign(assertion.Subject{UserID: "user_1", SessionID: "sess_1"}, "https://api.internal")
	if err != nil {
		panic(err)
	}
	claims := jwt.MapClaims{}
	token, _, err := jwt.NewParser().ParseUnverified(raw, claims)
	fmt.Println(token.Header["typ"], token.Header["alg"], claims["sub"], claims["sid"], claims["aud"], err)
	// Output: clerkgate+jwt EdDSA user_1 sess_1 https://api.internal <nil>
}
