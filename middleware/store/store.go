// Package store is the contract of the memory that several replicas of an application share.
//
// With a store in middleware.Options.Store, all replicas make one refresh of a session
// together instead of one each, verify a machine token once, and learn of each other's
// revocations. Package redisstore is the implementation for Redis; package storetest has
// the tests that every implementation must pass, and a store in memory for other tests.
//
// A store holds nothing that cannot be lost. Whatever its methods return, nobody is signed
// out because of it: a store that fails counts as absent. Nor does anybody have to trust
// it: values are encrypted and authenticated before they reach it, and its keys are hashes.
//
// # For implementations
//
//   - A store is safe for concurrent use, by many processes.
//   - Every method returns when its context ends, with an error unless its work is done. All
//     but Wait and Read return at once: their callers allow 75 ms.
//   - Keys and names of logs are up to 400 bytes of ASCII letters, digits and -_.: and values
//     up to 64 KiB of any bytes. Get and Put, Claim and its relatives, and Append and Read each
//     have names of their own: the same name in two of the three groups is two things.
//   - Times to live are positive and count from the call. What has expired is never returned.
//     What has not expired may be lost; it costs calls to Clerk.
//   - Slices that a caller passes are not kept, and those that it gets are its own.
//   - An answer must come from a place that all replicas write to, not from a copy that lags
//     behind.
package store

import (
	"context"
	"time"
)

// Store is shared by all replicas of one application. See the package comment for what its
// methods have in common.
type Store interface {
	// Get returns the value of key; found is false if there is none.
	Get(ctx context.Context, key string) (value []byte, found bool, err error)
	// Put gives key a value for as long as ttl, in place of what it had.
	Put(ctx context.Context, key string, value []byte, ttl time.Duration) error
	// PutIfAbsent is Put for a key that has no value. It reports whether it did so: of
	// several concurrent callers exactly one is told true.
	PutIfAbsent(ctx context.Context, key string, value []byte, ttl time.Duration) (stored bool, err error)

	// Claim begins a piece of work that only one replica should do. It returns the result
	// if one has been published. Otherwise it gives the caller the lease of key for as long as
	// lease, unless somebody has it already. Result, lease and fence are looked at and changed
	// in one step.
	Claim(ctx context.Context, key string, lease time.Duration) (Claim, error)
	// Renew makes the lease end in lease from now, if it is still the one with this fence. It
	// reports whether it was.
	Renew(ctx context.Context, key string, fence uint64, lease time.Duration) (held bool, err error)
	// Publish makes result, which is not empty, the result of key for as long as ttl, wakes
	// all who wait for it, and ends the lease if it is still the one with this fence. It does
	// so after the lease was lost as well, but a result that was published with a greater fence
	// stays. It reports whether the result was published. All that is one step.
	Publish(ctx context.Context, key string, fence uint64, result []byte, ttl time.Duration) (published bool, err error)
	// Wait returns the result of key as soon as there is one, or nil without an error if
	// there is none after patience.
	Wait(ctx context.Context, key string, patience time.Duration) (result []byte, err error)

	// Append adds an entry to the end of a log. Entries older than keep are removed, those
	// of the log that are younger stay.
	Append(ctx context.Context, log string, entry []byte, keep time.Duration) error
	// Read returns the entries behind a position, in the order in which they were appended,
	// at most a few thousand of them. If there is none, it waits for one as long as patience,
	// which may be zero, and returns nil without an error if none has come. The position "" is
	// in front of the oldest entry. A position stays valid if its entry has been removed.
	Read(ctx context.Context, log, after string, patience time.Duration) ([]Entry, error)
}

// FenceLife is how long the fences of a key must go on growing after its last lease began,
// at least. Afterwards they may begin anew.
const FenceLife = 2 * time.Minute

// Claim is the outcome of [Store.Claim]. If both fields are zero, another caller has the
// lease, and [Store.Wait] waits for its result.
type Claim struct {
	// Result is the published result.
	Result []byte
	// Fence is positive if the caller has the lease now. Each lease of a key has a greater
	// fence than the one before.
	Fence uint64
}

// Entry is an entry of a log.
type Entry struct {
	// Position is that of the entry, for [Store.Read].
	Position string
	// Value is what was appended.
	Value []byte
}
