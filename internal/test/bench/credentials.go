package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // the cookie suffix is defined by SHA-1
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// The instance of the tokens. It is never called: every contender that verifies tokens is
// given its public key.
const (
	publishableKey = "pk_live_Y2xlcmsuZXhhbXBsZS5jb20k" // clerk.example.com$
	secretKey      = "sk_live_bench"
	issuer         = "https://clerk.example.com"
	party          = "https://app.example.com"
	keyID          = "ins_3aQm5TpWk1HbZ6cMy8RnSeJgA4U"
	sessionTag     = "cl_B7d4PD111AAA"

	tokens        = 1000
	tokenLifetime = 24 * time.Hour
)

// credentials are the instance's key and the sessions of its users, new for each run.
type credentials struct {
	private   *rsa.PrivateKey
	publicPEM string
	issued    time.Time
	sessions  []session
}

// session is what a user sends, and what the application must receive.
type session struct {
	token                             string
	user, id, orgID, orgSlug, orgRole string
}

func newCredentials(now time.Time) (*credentials, error) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	der, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("write the key: %w", err)
	}
	c := &credentials{
		private: private, issued: now,
		publicPEM: string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})),
	}
	for range tokens {
		s := session{user: newID("user"), id: newID("sess"), orgID: newID("org"), orgSlug: "acme", orgRole: "org:approver"}
		if s.token, err = c.sign(s, nil); err != nil {
			return nil, err
		}
		c.sessions = append(c.sessions, s)
	}
	return c, nil
}

// sign returns a session token with claims version 2; change may make it invalid.
func (c *credentials) sign(s session, change func(jwt.MapClaims)) (string, error) {
	issued := c.issued.Unix()
	claims := jwt.MapClaims{
		"azp": party, "exp": c.issued.Add(tokenLifetime).Unix(), "fva": []int{4, -1}, "iat": issued, "iss": issuer,
		"jti": "c3d1a0b2e4f5", "nbf": issued - 10, "sid": s.id, "sub": s.user, "v": 2, "sts": "active",
		"o": map[string]string{"id": s.orgID, "slg": s.orgSlug, "rol": strings.TrimPrefix(s.orgRole, "org:")},
	}
	if change != nil {
		change(claims)
	}
	t := jwt.NewWithClaims(jwt.SigningMethodRS256, claims)
	t.Header["kid"], t.Header["cat"] = keyID, sessionTag
	signed, err := t.SignedString(c.private)
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	return signed, nil
}

// newID returns an id as long as Clerk's.
func newID(prefix string) string { return prefix + "_" + (rand.Text() + rand.Text())[:27] }

// cookieHeader returns the cookies of a signed-in browser, including some of the
// application.
func cookieHeader(token string, issued time.Time) string {
	sum := sha1.Sum([]byte(publishableKey)) //nolint:gosec // see the import
	suffix := base64.URLEncoding.EncodeToString(sum[:])[:8]
	return fmt.Sprintf("theme=dark; __client_uat=%[1]d; __client_uat_%[2]s=%[1]d; __session=%[3]s; __session_%[2]s=%[3]s; locale=en-GB",
		issued.Add(-time.Hour).Unix(), suffix, token)
}

// write writes the files for wrk and HAProxy to dir.
func (c *credentials) write(dir string) error {
	var bearers, cookies strings.Builder
	for _, s := range c.sessions {
		bearers.WriteString("Bearer " + s.token + "\n")
		cookies.WriteString(cookieHeader(s.token, c.issued) + "\n")
	}
	for name, text := range map[string]string{"public.pem": c.publicPEM, "Authorization": bearers.String(), "Cookie": cookies.String()} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return fmt.Errorf("write credentials: %w", err)
		}
	}
	return nil
}
