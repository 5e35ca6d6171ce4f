// Package certificate holds a TLS certificate that is read from files, and read
// again when the files change: renewals need no restart.
//
// [Load] reads a pair and fails on anything that could not serve. From then on
// [Pair.GetCertificate], for servers, and [Pair.GetClientCertificate], for
// clients, look at the files on handshakes, at most once a second, and at their
// contents, not their times: a swapped symbolic link, as Kubernetes mounts
// secrets, a copy that keeps its times, and two writes within one tick of the
// clock all count. There is no goroutine and no watch that could be lost.
//
// A new pair that can't serve, such as a certificate whose key has not been
// written yet, is logged once and the old pair goes on.
package certificate
