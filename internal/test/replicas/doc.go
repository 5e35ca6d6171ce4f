// Package replicas has tests only: what replicas share through real Redis servers, plain,
// over TLS with few rights, with Sentinel and in a cluster, and what happens when those fail.
// Each test starts its servers itself. Without redis-server they are skipped, unless
// REDIS_REQUIRED is set.
package replicas
