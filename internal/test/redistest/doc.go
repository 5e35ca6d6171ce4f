// Package redistest starts real Redis servers for tests: a single one, one over TLS whose
// user has few rights, a master with a replica and a Sentinel, and a cluster. They keep
// nothing on disk, and end with their test. Debian has the programs in the package
// redis-server; [Missing] says whether they are installed.
//
// Every function that takes a [testing.TB] ends that test when it cannot do its work.
package redistest
