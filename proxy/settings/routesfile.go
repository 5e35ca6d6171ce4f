package settings

import (
	"fmt"
	"io"
	"os"

	"github.com/clerkgate/clerkgate/internal/problem"
	"github.com/clerkgate/clerkgate/proxy/routes"
)

// maxRoutesFile bounds a routes file, in bytes.
const maxRoutesFile = 1 << 20

// routesFile is a field that is read from the file that the variable names. Problems come
// as a [*routes.Error].
func routesFile(p **routes.Config) value {
	return parsed(p, "file", "", isZero[*routes.Config], func(name string) (*routes.Config, error) {
		data, err := readBounded(name, maxRoutesFile)
		if err != nil {
			return nil, &problem.Problem{Found: err.Error(), Want: "a routes file that can be read, such as clerkgate.yaml"}
		}
		return routes.Parse(name, data)
	})
}

func readBounded(name string, limit int64) ([]byte, error) {
	file, err := os.Open(name) //nolint:gosec // the configuration names it
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // only read from
	data, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s is larger than %d bytes", name, limit)
	}
	return data, err
}
