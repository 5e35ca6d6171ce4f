package proxy

import (
	"github.com/clerkgate/clerkgate/internal/problem"
	"github.com/clerkgate/clerkgate/middleware/store/redisstore"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

// openStore makes what replicas share, if cfg names a store. It stays through reloads. It
// connects in the background: a store that is not there stops nobody.
func (p *Proxy) openStore(cfg *settings.Config) (err error) {
	if cfg.Store == "" {
		return nil
	}
	if p.storeKeys, err = cfg.DecodedStoreKeys(); err != nil {
		return &settings.Error{Problems: []settings.Problem{problem.At(settings.EnvStoreKeys, err)}}
	}
	if p.store, err = redisstore.New(cfg.Store); err != nil {
		return &settings.Error{Problems: []settings.Problem{problem.At(settings.EnvStore, err)}}
	}
	return nil
}

func (p *Proxy) closeStore() {
	if p.store != nil {
		p.store.Close()
	}
}
