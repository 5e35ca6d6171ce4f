module github.com/clerkgate/clerkgate/internal/test/compat

go 1.26.8

require (
	github.com/clerk/clerk-sdk-go/v2 v2.4.2
	github.com/clerkgate/clerkgate v0.0.0
	github.com/stretchr/testify v1.12.1
)

require (
	github.com/go-jose/go-jose/v3 v3.0.4 // indirect
	github.com/golang-jwt/jwt/v5 v5.3.1 // indirect
	github.com/hashicorp/golang-lru/v2 v2.0.7 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/crypto v0.19.0 // indirect
)

replace github.com/clerkgate/clerkgate => ../../..
