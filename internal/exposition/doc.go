// Package exposition has the table of all metrics, and turns what was counted into metrics
// for Prometheus. The table is the one place that names a metric: the documentation is made
// of it, and a [Set] emits nothing else.
package exposition
