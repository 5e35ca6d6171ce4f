// Package kit is what the tests of several packages need: a log that goroutines
// share, a browser, keys, and requests written byte for byte. It knows nothing of
// the product, so that every package of it can use the kit in its tests.
//
// Every function that takes a [testing.TB] ends that test when it cannot do its
// work, and undoes what it opened when the test ends.
package kit
