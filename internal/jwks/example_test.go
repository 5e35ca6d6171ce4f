package jwks_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/golang-jwt/jwt/v5"

	"github.com/clerkgate/clerkgate/internal/jwks"
)

func ExampleSource() {
	source, err := jwks.New(jwks.Config{
		Fetch: func(context.Context) ([]byte, error) { // GET /v1/jwks
			return []byte(`{"keys":[{"use":"sig","kty":"RSA","kid":"ins_1","alg":"RS256","e":"AQAB",` +
				`"n":"sxm8ia10IU8i9USGp5LarpxxDgBVtjziSorDMHp-O2vpOrPi8Q_xffRq4vrlksNO7InTILCjrL3i2m"}]}`), nil
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer source.Close()

	key, err := source.Key(context.Background(), &jwt.Token{Header: map[string]any{"alg": "RS256", "kid": "ins_1"}})
	fmt.Println(key.E, err)
	_, err = source.Key(context.Background(), &jwt.Token{Header: map[string]any{"alg": "RS256", "kid": "ins_of_somebody_else"}})
	fmt.Println(errors.Is(err, jwks.ErrUnknownKey))
	// Output:
	// 65537 <nil>
	// true
}
