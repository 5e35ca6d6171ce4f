package middleware

import (
	"cmp"

	"github.com/clerkgate/clerkgate/internal/shared"
)

// newShared returns what all replicas of the instance share; nil without a store.
func newShared(o *Options, instance string) (*shared.Store, error) {
	if o.Store == nil {
		return nil, nil
	}
	return shared.New(shared.Config{
		Store: o.Store, Instance: instance, Secret: cmp.Or(o.SecretKey, o.MachineSecretKey), Keys: o.StoreKeys, Now: o.Now, Logger: o.Logger,
	})
}
