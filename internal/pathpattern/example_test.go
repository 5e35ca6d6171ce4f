package pathpattern_test

import (
	"fmt"

	"github.com/clerkgate/clerkgate/internal/pathpattern"
)

func ExampleCompile() {
	m, err := pathpattern.Compile([]string{"/orgs/:slug", "/orgs/:slug/(.*)"})
	if err != nil {
		fmt.Println(err)
		return
	}
	params, ok := m.Match("/orgs/acme/settings/billing")
	fmt.Println(params["slug"], params["0"], ok)
	_, err = pathpattern.Compile([]string{"/orgs/:"})
	fmt.Println(err)
	// Output:
	// acme settings/billing true
	// path pattern "/orgs/:": missing parameter name at 6
}
