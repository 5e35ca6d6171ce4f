package settings

import (
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/clerkgate/clerkgate/internal/problem"
	"github.com/clerkgate/clerkgate/internal/seal"
	"github.com/clerkgate/clerkgate/middleware/store/redisstore"
)

// DecodedStoreKeys returns what [Config.StoreKeys] holds. The error is a
// [*problem.Problem] that shows nothing of a key.
func (c *Config) DecodedStoreKeys() (keys [][]byte, err error) {
	for i, text := range strings.FieldsFunc(c.StoreKeys, func(r rune) bool { return strings.ContainsRune(", \t\r\n", r) }) {
		// Whichever alphabet, with padding or without.
		text = strings.TrimRight(strings.NewReplacer("-", "+", "_", "/").Replace(text), "=")
		key, err := base64.RawStdEncoding.DecodeString(text)
		found := ""
		switch {
		case err != nil:
			found = fmt.Sprintf("key %d, which is not base64", i+1)
		case len(key) < seal.MinSecret:
			found = fmt.Sprintf("key %d, which has %d bytes", i+1, len(key))
		default:
			keys = append(keys, key)
			continue
		}
		return nil, &problem.Problem{
			Found: found, Want: fmt.Sprintf("keys of at least %d random bytes, in base64, separated by commas", seal.MinSecret),
			Remedy: "Make one with: openssl rand -base64 32",
		}
	}
	return keys, nil
}

// OpenStore returns what replicas share, with the keys that it is encrypted with; the store
// is nil if c names none. It connects in the background: a store that is not there stops
// nobody. The error is an [*Error].
func (c *Config) OpenStore() (*redisstore.Store, [][]byte, error) {
	if c.Store == "" {
		return nil, nil, nil
	}
	keys, err := c.DecodedStoreKeys()
	if err != nil {
		return nil, nil, &Error{Problems: []Problem{problem.At(EnvStoreKeys, err)}}
	}
	store, err := redisstore.New(c.Store)
	if err != nil {
		return nil, nil, &Error{Problems: []Problem{problem.At(EnvStore, err)}}
	}
	return store, keys, nil
}

// store finds what is wrong with the shared store. Whether there is a server does not matter:
// it may come later.
func (l *loader) store() {
	cfg := &l.cfg
	if cfg.Store != "" {
		if err := redisstore.Check(cfg.Store); err != nil {
			l.report(l.source(EnvStore), err)
		}
	}
	if cfg.StoreKeys == "" {
		return
	}
	switch _, err := cfg.DecodedStoreKeys(); {
	case err != nil:
		l.report(l.source(EnvStoreKeys), err)
	case cfg.Store == "" && !l.failed(EnvStore):
		l.problem(l.source(EnvStoreKeys), "keys, without "+EnvStore, "nothing, or "+EnvStore+" with the URL of a store")
	}
}
