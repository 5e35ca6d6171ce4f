package upstreams

import (
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/test/kit"
	"github.com/clerkgate/clerkgate/proxy/routes"
)

func TestUnreachable(t *testing.T) {
	t.Parallel()
	up := httptest.NewServer(nil)
	defer up.Close()
	socket, refusing := "unix:"+filepath.Join(t.TempDir(), "app.sock"), "http://"+kit.Refusing(t)
	assert.Equal(t, []string{refusing, socket}, unreachable(t.Context(), []string{up.URL, socket, refusing}))
	require.Empty(t, unreachable(t.Context(), []string{up.URL}))
	require.Empty(t, unreachable(t.Context(), nil))
}

func TestURLs(t *testing.T) {
	t.Parallel()
	list := map[string]routes.Upstream{"": {URL: "http://c"}, "a": {URL: "http://b"}, "b": {URL: "http://c"}}
	assert.Equal(t, []string{"http://b", "http://c"}, URLs(list))
}
