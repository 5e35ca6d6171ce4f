package certificate

import (
	"bytes"
	"crypto/tls"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/test/certificatetest"
)

// clock stands still until it is moved.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func files(t testing.TB, cert, key []byte) Options {
	t.Helper()
	dir := t.TempDir()
	opts := Options{CertificateFile: filepath.Join(dir, "tls.crt"), KeyFile: filepath.Join(dir, "tls.key")}
	require.NoError(t, os.WriteFile(opts.CertificateFile, cert, 0o600))
	require.NoError(t, os.WriteFile(opts.KeyFile, key, 0o600))
	return opts
}

func name(t testing.TB, p *Pair) string {
	t.Helper()
	c, err := p.GetCertificate(&tls.ClientHelloInfo{})
	require.NoError(t, err)
	return c.Leaf.Subject.CommonName
}

func TestPairIsReadAgainWhenFilesChange(t *testing.T) {
	t.Parallel()
	authority := certificatetest.New(t)
	one, oneKey := authority.Issue(t, "one")
	two, twoKey := authority.Issue(t, "two")
	opts := files(t, one, oneKey)
	c, log := &clock{now: time.Now()}, &bytes.Buffer{}
	opts.Now, opts.Logger = c.Now, slog.New(slog.NewTextHandler(log, nil))
	p, err := Load(opts)
	require.NoError(t, err)
	assert.Equal(t, "one", name(t, p))

	before, err := os.Stat(opts.CertificateFile)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(opts.CertificateFile, two, 0o600))
	require.NoError(t, os.Chtimes(opts.CertificateFile, before.ModTime(), before.ModTime()))
	c.now = c.now.Add(time.Second - 1)
	assert.Equal(t, "one", name(t, p), "not looked at within a second")
	c.now = c.now.Add(1)
	assert.Equal(t, "one", name(t, p), "the key is still the old one's")
	assert.Equal(t, 1, strings.Count(log.String(), "the new certificate cannot be used"))
	c.now = c.now.Add(time.Second)
	assert.Equal(t, "one", name(t, p))
	assert.Equal(t, 1, strings.Count(log.String(), "the new certificate cannot be used"), "logged once")

	require.NoError(t, os.WriteFile(opts.KeyFile, twoKey, 0o600))
	c.now = c.now.Add(time.Second)
	assert.Equal(t, "two", name(t, p), "whatever the files' times say")
	assert.Contains(t, log.String(), "certificate renewed")

	require.NoError(t, os.Remove(opts.KeyFile))
	c.now = c.now.Add(-time.Hour) // set back
	assert.Equal(t, "two", name(t, p))
	assert.Contains(t, log.String(), "no such file")
	assert.NotContains(t, log.String(), "PRIVATE")
}

// Kubernetes mounts a secret as links into a directory that is itself a link, and
// swaps the latter.
func TestPairFollowsASwappedLink(t *testing.T) {
	t.Parallel()
	authority := certificatetest.New(t)
	root := t.TempDir()
	for _, name := range []string{"one", "two"} {
		cert, key := authority.Issue(t, name)
		require.NoError(t, os.Mkdir(filepath.Join(root, name), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(root, name, "tls.crt"), cert, 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(root, name, "tls.key"), key, 0o600))
	}
	require.NoError(t, os.Symlink("one", filepath.Join(root, "..data")))
	opts := Options{CertificateFile: filepath.Join(root, "tls.crt"), KeyFile: filepath.Join(root, "tls.key")}
	require.NoError(t, os.Symlink("..data/tls.crt", opts.CertificateFile))
	require.NoError(t, os.Symlink("..data/tls.key", opts.KeyFile))
	c := &clock{now: time.Now()}
	opts.Now = c.Now
	p, err := Load(opts)
	require.NoError(t, err)
	assert.Equal(t, "one", name(t, p))

	require.NoError(t, os.Symlink("two", filepath.Join(root, "..data_tmp")))
	require.NoError(t, os.Rename(filepath.Join(root, "..data_tmp"), filepath.Join(root, "..data")))
	c.now = c.now.Add(time.Second)
	assert.Equal(t, "two", name(t, p))
	client, err := p.GetClientCertificate(&tls.CertificateRequestInfo{})
	require.NoError(t, err)
	assert.Equal(t, "two", client.Leaf.Subject.CommonName)
}

func TestLoadNamesTheFile(t *testing.T) {
	t.Parallel()
	authority := certificatetest.New(t)
	cert, key := authority.Issue(t, "one")
	_, other := authority.Issue(t, "two")
	tests := map[string]struct {
		cert, key []byte
		inKey     bool
		want      string
	}{
		"not PEM":            {[]byte("hello"), key, false, "holds no certificate in PEM"},
		"empty":              {nil, key, false, "holds no certificate in PEM"},
		"key first":          {key, key, false, "holds no certificate in PEM"},
		"broken":             {[]byte("-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n"), key, false, "certificate 1: "},
		"key is no PEM":      {cert, []byte("hello"), true, "holds no private key in PEM"},
		"key of another":     {cert, other, true, "holds the key of another certificate"},
		"encrypted":          {cert, []byte("-----BEGIN ENCRYPTED PRIVATE KEY-----\naGVsbG8=\n-----END ENCRYPTED PRIVATE KEY-----\n"), true, "holds an encrypted private key"},
		"too large":          {bytes.Repeat([]byte("x"), maxFile+1), key, false, "is larger than"},
		"key file too large": {cert, bytes.Repeat([]byte("x"), maxFile+1), true, "is larger than"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			opts := files(t, test.cert, test.key)
			_, err := Load(opts)
			var problem *Error
			require.ErrorAs(t, err, &problem)
			require.ErrorContains(t, err, test.want)
			assert.Equal(t, test.inKey, problem.Key)
			if test.inKey {
				assert.Equal(t, opts.KeyFile, problem.File)
			} else {
				assert.Equal(t, opts.CertificateFile, problem.File)
			}
			assert.NotEmpty(t, problem.Remedy())
		})
	}
	opts := files(t, cert, key)
	opts.KeyFile += ".missing"
	_, err := Load(opts)
	require.ErrorContains(t, err, opts.KeyFile)
	assert.Equal(t, 1, strings.Count(err.Error(), opts.KeyFile))
	var problem *Error
	require.ErrorAs(t, err, &problem)
	assert.Contains(t, problem.Remedy(), "a file that exists")
}

// A certificate that has expired serves nobody, but stops nothing either.
func TestExpiredPairIsSaid(t *testing.T) {
	t.Parallel()
	authority := certificatetest.New(t)
	log := &bytes.Buffer{}
	opts := files(t, nil, nil)
	cert, key := authority.Issue(t, "one")
	require.NoError(t, os.WriteFile(opts.CertificateFile, cert, 0o600))
	require.NoError(t, os.WriteFile(opts.KeyFile, key, 0o600))
	opts.Now = func() time.Time { return time.Now().Add(1000 * time.Hour) }
	opts.Logger = slog.New(slog.NewTextHandler(log, nil))
	_, err := Load(opts)
	require.NoError(t, err)
	assert.Contains(t, log.String(), "the certificate has expired")
}

func TestAuthorities(t *testing.T) {
	t.Parallel()
	authority := certificatetest.New(t)
	cert, key := authority.Issue(t, "one")
	opts := files(t, cert, key)
	pool, err := Authorities(opts.CertificateFile)
	require.NoError(t, err)
	assert.False(t, pool.Equal(nil))
	for _, file := range []string{opts.KeyFile, opts.KeyFile + ".missing"} {
		_, err = Authorities(file)
		require.ErrorContains(t, err, file)
	}
}

func TestPairUnderLoad(t *testing.T) {
	t.Parallel()
	authority := certificatetest.New(t)
	one, oneKey := authority.Issue(t, "one")
	two, twoKey := authority.Issue(t, "two")
	opts := files(t, one, oneKey)
	var mu sync.Mutex
	now := time.Now()
	opts.Now = func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(time.Second)
		return now
	}
	p, err := Load(opts)
	require.NoError(t, err)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 50 {
				c, err := p.GetCertificate(&tls.ClientHelloInfo{})
				assert.NoError(t, err)
				assert.NotNil(t, c.PrivateKey)
			}
		})
	}
	for range 10 {
		for _, pair := range [][2][]byte{{two, twoKey}, {one, oneKey}} {
			require.NoError(t, os.WriteFile(opts.CertificateFile, pair[0], 0o600))
			require.NoError(t, os.WriteFile(opts.KeyFile, pair[1], 0o600))
		}
	}
	group.Wait()
	assert.Equal(t, "one", name(t, p))
}
