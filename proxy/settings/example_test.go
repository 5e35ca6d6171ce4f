package settings_test

import (
	"fmt"

	"github.com/clerkgate/clerkgate/proxy/settings"
)

// The environment that a program was started with is os.LookupEnv and os.Environ.
func ExampleLoad() {
	environment := map[string]string{
		"CLERK_PUBLISHABLE_KEY": "pk_live_Y2xlcmsuZXhhbXBsZS5jb20k",
		"CLERK_SECRET_KEY":      "sk_test_a0b1c2d3",
		"CLERKGATE_UPSTREAM":    "http://127.0.0.1:3000",
	}
	lookup := func(name string) (string, bool) {
		value, ok := environment[name]
		return value, ok
	}
	_, warnings, err := settings.Load(lookup, []string{"CLERKGATE_UPSTREM=x"})
	fmt.Println(warnings[0])
	fmt.Println(err)
	// Output:
	// CLERKGATE_UPSTREM: not a variable of clerkgate and ignored; did you mean CLERKGATE_UPSTREAM?
	// the configuration has 1 problem
	//
	//   CLERK_SECRET_KEY
	//     found     a key that begins with sk_test_
	//     expected  a key of the same kind of instance as the publishable key: sk_test_ with pk_test_, sk_live_ with pk_live_
}
