package origin_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"

	"github.com/clerkgate/clerkgate/internal/origin"
)

func ExampleResolver_Public() {
	res := origin.New([]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")})
	r := httptest.NewRequest(http.MethodGet, "/dashboard?tab=1", nil)
	r.Host = "10.0.0.20:8080"
	r.RemoteAddr = "10.0.0.7:40000"
	r.Header.Set("X-Forwarded-Host", "app.example")
	r.Header.Set("X-Forwarded-Proto", "https")

	fmt.Println(res.Public(r).Href())
	r.RemoteAddr = "198.51.100.1:40000" // not our proxy
	fmt.Println(res.Public(r).Href())
	// Output:
	// https://app.example/dashboard?tab=1
	// http://10.0.0.20:8080/dashboard?tab=1
}
