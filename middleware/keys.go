package middleware

import (
	"context"
	"encoding/json"
	"time"
)

const (
	// sharedKeysName is the name of the JWKS in the store.
	sharedKeysName = "jwks"
	// maxSharedKeys limits the size of a document in the store. A real one is below 2 KiB.
	maxSharedKeys = 32 << 10
)

// sharedKeys is a JWKS document as replicas share it, for those that start while Clerk is
// down.
type sharedKeys struct {
	Fetched  time.Time       `json:"fetched"`
	Document json.RawMessage `json:"document"`
}

// fetchKeysForAll is fetchKeys, and stores the document for other replicas.
func (a *Authenticator) fetchKeysForAll(ctx context.Context) ([]byte, error) {
	began := a.now()
	doc, err := a.fetchKeys(ctx)
	if err != nil || a.shared == nil || len(doc) > maxSharedKeys {
		return doc, err
	}
	if data, err := json.Marshal(sharedKeys{began, doc}); err == nil {
		a.shared.PutLater(sharedKeysName, data, a.opts.StaleKeys)
	}
	return doc, nil
}

// keysOfOthers returns the document that a replica has stored. Without the store's keys,
// nobody can forge one.
func (a *Authenticator) keysOfOthers(ctx context.Context) (doc []byte, fetched time.Time, ok bool) {
	if a.shared == nil {
		return nil, time.Time{}, false
	}
	data, ok := a.shared.Get(ctx, sharedKeysName, "")
	var stored sharedKeys
	if !ok || json.Unmarshal(data, &stored) != nil {
		return nil, time.Time{}, false
	}
	return stored.Document, stored.Fetched, true
}
