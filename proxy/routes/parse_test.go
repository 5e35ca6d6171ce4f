package routes_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/proxy/routes"
)

var update = flag.Bool("update", false, "write the golden files of testdata/broken")

// examples are the files of a directory below testdata, by name.
func examples(t testing.TB, dir string) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", dir, "*.yaml"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	all := make(map[string][]byte)
	for _, f := range files {
		data, err := os.ReadFile(f)
		require.NoError(t, err)
		all[strings.TrimSuffix(filepath.Base(f), ".yaml")] = data
	}
	return all
}

// TestBrokenFiles holds what a person is told of each broken file: every problem
// with its line and a remedy.
func TestBrokenFiles(t *testing.T) {
	t.Parallel()
	files := examples(t, "broken")
	require.GreaterOrEqual(t, len(files), 20)
	for name, data := range files {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, err := routes.Parse(name+".yaml", data)
			require.Error(t, err)
			assert.Nil(t, cfg)
			var invalid *routes.Error
			require.True(t, errors.As(err, &invalid))
			for _, p := range invalid.Problems {
				assert.Positive(t, p.Line)
				assert.Positive(t, p.Column)
				assert.NotEmpty(t, p.Found)
				assert.NotEmpty(t, p.Remedy)
			}
			assert.NotContains(t, err.Error(), "planted0secret")

			golden := filepath.Join("testdata", "broken", name+".txt")
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(err.Error()+"\n"), 0o600))
			}
			want, readErr := os.ReadFile(golden)
			require.NoError(t, readErr, "run the test with -update")
			assert.Equal(t, string(want), err.Error()+"\n")
		})
	}
}

func TestValidFiles(t *testing.T) {
	t.Parallel()
	for name, data := range examples(t, "valid") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, err := routes.Parse(name+".yaml", data)
			require.NoError(t, err)
			_, err = routes.NewTable(cfg.Routes)
			require.NoError(t, err)
		})
	}
}
