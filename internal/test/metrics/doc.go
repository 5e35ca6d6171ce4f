// Package metrics has tests only. They run clerkgate with traffic of all kinds, let a real
// Prometheus scrape it, and compare what each metric says with what was done. They also ask
// that Prometheus for each panel of deploy/grafana/clerkgate.json. Without the programs of
// Debian's package prometheus they are skipped, unless METRICS_REQUIRED is set.
// METRICS_DURATION makes the traffic longer than two seconds.
package metrics
