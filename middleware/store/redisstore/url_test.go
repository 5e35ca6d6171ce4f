package redisstore_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/problem"
	"github.com/clerkgate/clerkgate/middleware/store/redisstore"
)

func TestGoodURLs(t *testing.T) {
	t.Parallel()
	password := filepath.Join(t.TempDir(), "password")
	require.NoError(t, os.WriteFile(password, []byte("secret\n"), 0o600))
	for _, url := range []string{
		"redis://host", "redis://host:6379", "redis://host:6379/", "redis://host/15", "redis://host?db=3", "redis://[2001:db8::1]:6379",
		"redis://:secret@host", "redis://app:p%40ss@host", "redis://app@host?password_file=" + password, "redis://host?user=app&password_file=" + password,
		"rediss://host?server_name=redis.internal", "unix:/run/redis.sock", "unix:/run/redis.sock?db=1&user=app&password_file=" + password,
		"redis+sentinel://one,two:26380/mymaster", "rediss+sentinel://one/mymaster/2?sentinel_user=s&sentinel_password_file=" + password,
		"redis+cluster://one,two,three:7000", "rediss+cluster://app:secret@one",
	} {
		assert.NoError(t, redisstore.Check(url), url)
	}
}

func TestBadURLs(t *testing.T) {
	t.Parallel()
	for url, found := range map[string]string{
		"":                                      "text that is not a URL",
		"host:6379":                             "text that is not a URL",
		"http://host":                           `a URL that begins with "http://"`,
		"redis+foo://host":                      `a URL that begins with "redis+foo://"`,
		"redis://":                              `the host ""`,
		"redis://host:0":                        `the host "host:0"`,
		"redis://host:port":                     `the host "host:port"`,
		"redis://host:65536":                    `the host "host:65536"`,
		"redis://2001:db8::1":                   `the host "2001:db8::1"`,
		"redis://a,b":                           "several hosts in a URL for one server",
		"redis+cluster://a,,b":                  `the host ""`,
		"redis+cluster://a/1":                   "a database other than 0 in a cluster",
		"redis+sentinel://a":                    "no name of a master behind the Sentinels",
		"redis://host/one":                      `the database "one"`,
		"redis://host/-1":                       `the database "-1"`,
		"redis://host/1?db=1":                   "the database twice",
		"redis://app@host":                      "a user without a password",
		"redis://app:hunter2@host?user=b":       "the user twice",
		"redis://app:hunter2/x@host":            "a user or password with characters that must be escaped in a URL",
		"redis://app:hunter2%zz@host":           "a user or password with characters that must be escaped in a URL",
		"redis://:hunter2@host?password_file=/": "a password beside password_file",
		"redis://host?password_file=/missing":   "open /missing: no such file or directory, as password_file",
		"redis://host?ca=/ca.pem":               `the parameter "ca"`,
		"redis://host?timeout=1s":               `the parameter "timeout"`,
		"redis://host?db=1&db=2":                "the parameter db twice",
		"redis://host?db=":                      "the parameter db without a value",
		"redis://host?db=%zz":                   "a query that cannot be read",
		"rediss://host?ca=/missing.pem":         "",
		"rediss://host?cert=/c.pem":             "one of cert and key",
		"unix:redis.sock":                       `"unix:redis.sock"`,
	} {
		err := redisstore.Check(url)
		var p *problem.Problem
		if assert.ErrorAs(t, err, &p, url) {
			assert.NotEmpty(t, p.Want, url)
			assert.NotContains(t, p.String(), "hunter2")
			if found != "" {
				assert.Equal(t, found, p.Found, url)
			}
		}
	}
}

func FuzzURL(f *testing.F) {
	for _, url := range []string{"redis://app:secret@host:6379/1?db=2", "unix:/run/redis.sock", "redis+sentinel://one,two/m", "rediss+cluster://[::1]:1,b?ca=x"} {
		f.Add(url)
	}
	f.Fuzz(func(t *testing.T, url string) {
		var p *problem.Problem
		if err := redisstore.Check(url); err != nil {
			require.ErrorAs(t, err, &p)
		}
	})
}
