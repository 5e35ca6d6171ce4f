// Package upstreams holds the applications behind the sidecar. [New] makes a [Set] of those
// of one configuration, which a reload replaces. A [Watch] lives as long as the process: it
// waits for applications at the start, and finds out for readiness probes whether they
// accept connections.
package upstreams
