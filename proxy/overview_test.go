package proxy

import (
	"encoding/json"
	"net/http"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/proxy/settings"
)

// TestOverviewOfARunningServer asks the admin listener, which shows no secret anywhere.
func TestOverviewOfARunningServer(t *testing.T) {
	t.Parallel()
	hangup := make(chan os.Signal)
	var next settings.Config
	r := runWith(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("here")) }), RunOptions{
		Reload: hangup, Load: func() (settings.Config, []settings.Warning, error) { return next, nil, nil },
	}, func(c *settings.Config) {
		c.Policy = settings.PolicyOptional
		next = *c
	})
	at := "http://" + r.Admin.String()
	page := func(path string) string {
		status, body := fetch(t, at+path)
		require.Equal(t, http.StatusOK, status, path)
		assert.NotContains(t, body, "planted0", path)
		return body
	}
	for range 3 {
		status, _ := fetch(t, "http://"+r.Public.String()+"/")
		require.Equal(t, http.StatusOK, status)
	}
	assert.Contains(t, page("/-/routes"), `"requests": 3`)
	assert.Contains(t, page("/-/routes"), `"auth": "public"`)
	hangup <- os.Interrupt
	hangup <- os.Interrupt // the first reload is over
	assert.Contains(t, page("/-/routes"), `"requests": 3`, "a reload counts on")

	var status struct {
		Status   string
		Parts    map[string]string
		Build    struct{ Version, Go string }
		Breakers []struct {
			Name string
			Open bool
		}
	}
	require.NoError(t, json.Unmarshal([]byte(page("/-/status")), &status))
	assert.NotEmpty(t, status.Status)
	assert.NotEmpty(t, status.Build.Go)
	assert.Contains(t, status.Parts, "keys")
	assert.Len(t, status.Breakers, 4)

	assert.Contains(t, page("/-/config"), settings.Fingerprint("sk_test_planted0secret"))
	assert.Contains(t, page("/-/"), "/-/config")
	r.ends(t)
}
