// Package storetest tests implementations of [store.Store]. [Run] is called by a test of the
// implementation:
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, storetest.Config{New: func(t *testing.T) store.Store { return mystore.New(t.TempDir()) }})
//	}
//
// [Memory] is a store in memory, for tests of code that uses one.
package storetest
