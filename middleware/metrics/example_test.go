package metrics_test

import (
	"log"
	"net/http"
	"os"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/clerkgate/clerkgate/middleware"
	"github.com/clerkgate/clerkgate/middleware/metrics"
)

// An application with the metrics of its Authenticator beside its own. Other machines should
// not reach them.
func ExampleCollector() {
	opts, err := middleware.OptionsFromEnv(os.LookupEnv)
	if err != nil {
		log.Fatal(err)
	}
	collector := metrics.NewCollector()
	opts.Observer = collector.Observe
	auth, err := middleware.New(opts)
	if err != nil {
		log.Fatal(err)
	}
	defer auth.Close()
	collector.Watch(auth)
	prometheus.MustRegister(collector)

	application := http.NewServeMux()
	http.Handle("/", auth.Handler(application))
	operators := http.NewServeMux()
	operators.Handle("/metrics", promhttp.Handler())
}
