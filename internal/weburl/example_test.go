package weburl_test

import (
	"fmt"

	"github.com/clerkgate/clerkgate/internal/weburl"
)

func ExampleParse() {
	u, err := weburl.Parse(`HTTPS://App.Example:443/a/../b|c{d}?q=a%20b&flag#top`)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(u.Href())
	fmt.Println(u.Origin(), u.Pathname(), u.Search())
	// Output:
	// https://app.example/b|c%7Bd%7D?q=a%20b&flag#top
	// https://app.example /b|c%7Bd%7D ?q=a%20b&flag
}

func ExampleParseRef() {
	u, err := weburl.ParseRef(`/\evil.example`, "https://app.example/dashboard")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(u.Origin()) // what a browser makes of it
	// Output: https://evil.example
}

func ExampleURL_Delete() {
	u, err := weburl.Parse("https://app.example/?__clerk_db_jwt=x&q=a%20b&flag")
	if err != nil {
		fmt.Println(err)
		return
	}
	u.Delete("__clerk_db_jwt")
	fmt.Println(u.Href())
	// Output: https://app.example/?q=a+b&flag=
}
