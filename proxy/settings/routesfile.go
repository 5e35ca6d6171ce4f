package settings

import (
	"errors"

	"github.com/clerkgate/clerkgate/internal/problem"
	"github.com/clerkgate/clerkgate/proxy/routes"
)

// routesFile is a field that is read from the file that the variable names. Problems come
// as a [*routes.Error].
func routesFile(p **routes.Config) value {
	return parsed(p, "file", "", isZero[*routes.Config], func(name string) (*routes.Config, error) {
		cfg, err := routes.ReadFile(name)
		var invalid *routes.Error
		if err != nil && !errors.As(err, &invalid) {
			return nil, &problem.Problem{Found: err.Error(), Want: "a routes file that can be read, such as clerkgate.yaml"}
		}
		return cfg, err
	})
}
