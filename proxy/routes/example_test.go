package routes_test

import (
	"errors"
	"fmt"
	"net/url"

	"github.com/clerkgate/clerkgate/middleware"
	"github.com/clerkgate/clerkgate/proxy/routes"
)

func ExampleParse() {
	_, err := routes.Parse("clerkgate.yaml", []byte(`
upstreams: { app: http://127.0.0.1:3000 }
routes:
  - { match: "/api/*", auht: public, upstream: ap }
`))
	var invalid *routes.Error
	if errors.As(err, &invalid) {
		for _, p := range invalid.Problems {
			fmt.Println(p)
		}
	}
	// Output:
	// clerkgate.yaml:4:24: routes[0].auht: found the key "auht". Did you mean auth?
	// clerkgate.yaml:4:48: routes[0].upstream: found "ap"; expected app, or one more below upstreams. Did you mean app?
}

func ExampleTable_Match() {
	table, err := routes.NewTable([]routes.Route{
		{Match: "/admin/*", Hosts: []string{"app.example.com"}, StripPrefix: "/admin"},
		{Match: "/*", Auth: routes.AuthPublic},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, path := range []string{"/%61dmin/users", "/blog", "/blog/..%2fadmin/users", "/admin;x/users"} {
		u, err := url.ParseRequestURI(path)
		if err != nil {
			fmt.Println(err)
			return
		}
		m, err := table.Match("GET", "App.Example.com:443", u)
		if err != nil {
			fmt.Println(path, "is refused:", err)
			continue
		}
		fmt.Println(path, "takes", m.Route.Match, "as", m.UpstreamPath())
	}
	// Output:
	// /%61dmin/users takes /admin/* as /users
	// /blog takes /* as /blog
	// /blog/..%2fadmin/users is refused: the path can be read in more than one way
	// /admin;x/users is refused: the path can be read in more than one way
}

func ExampleTable_Explain() {
	table, err := routes.NewTable([]routes.Route{
		{Match: "/assets/*", Auth: routes.AuthPublic},
		{Match: "/api/*", Methods: []string{"GET", "HEAD"}},
		{Match: "/*", Require: middleware.Requirement{Unauthenticated: middleware.Unauthenticated401}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, step := range table.Explain("POST", "app.example.com", &url.URL{Path: "/api/orders"}) {
		fmt.Printf("%s: %t, %s\n", step.Route.Match, step.Applies, step.Why)
		if step.Applies {
			fmt.Println(step.Route.Asks())
		}
	}
	// Output:
	// /assets/*: false, /api/orders is not below /assets/
	// /api/*: false, the method POST is not GET or HEAD
	// /*: true, it is for every path
	// [somebody must be signed in signed-out requests get 401]
}
