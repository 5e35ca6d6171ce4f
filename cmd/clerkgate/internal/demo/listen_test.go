package demo

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestOriginOf(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"127.0.0.1:8080":    "http://localhost:8080",
		"0.0.0.0:8080":      "http://localhost:8080",
		"[::1]:8080":        "http://localhost:8080",
		"[::]:8080":         "http://localhost:8080",
		"192.0.2.7:80":      "http://192.0.2.7:80",
		"[2001:db8::1]:443": "http://[2001:db8::1]:443",
	} {
		assert.Equal(t, want, originOf(address), address)
	}
}
