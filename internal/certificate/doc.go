// Package certificate loads a TLS certificate from files, and reloads it when the files
// change, so that renewals need no restart.
//
// [Load] reads a certificate and its key, and fails if they cannot be used.
// [Pair.GetCertificate], for servers, and [Pair.GetClientCertificate], for clients,
// then check the files during handshakes, at most once a second. They compare the
// contents, not the modification times, and so notice a swapped symbolic link, as with
// Kubernetes secrets, a copy that preserves times, and two writes within one tick of the
// clock. There is no goroutine, and no watch that could be lost.
//
// A new pair that cannot be used, such as a certificate whose key has not been written
// yet, is logged once, and the old pair remains in use.
package certificate
