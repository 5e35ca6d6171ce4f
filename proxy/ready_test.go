package proxy

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/clerkgate/clerkgate/internal/test/kit"
	"github.com/clerkgate/clerkgate/proxy/internal/upstreams"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

func TestReadyzIncludesTheUpstream(t *testing.T) {
	t.Parallel()
	for _, when := range []settings.ReadyWhen{settings.ReadyWithKeys, settings.ReadyAlways} {
		t.Run(string(when), func(t *testing.T) {
			t.Parallel()
			app, log := newLateApp(t), &kit.Buffer{}
			frozen := time.Now()
			clock := &shiftedClock{}
			stop := app.listen(t)
			r := runWith(t, http.NotFoundHandler(), RunOptions{Logger: testLogger(log)}, func(c *settings.Config) {
				app.change(c)
				c.ReadyUpstream, c.ReadyWhen = true, when
				c.Auth.Now = func() time.Time { return frozen.Add(time.Duration(clock.by.Load())) }
			})
			for range 20 {
				status, body := r.ready(t)
				assert.Equal(t, http.StatusOK, status)
				assert.Contains(t, body, `"status":"ready"`)
				assert.Contains(t, body, `"upstream":"up"`)
			}
			assert.EqualValues(t, 1, app.accepted.Load(), "for all probes in a second")

			stop()
			status, _ := r.ready(t)
			assert.Equal(t, http.StatusOK, status, "not tried again yet")
			clock.forward(upstreams.ProbeTTL)
			status, body := r.ready(t)
			assert.Equal(t, http.StatusServiceUnavailable, status)
			assert.Contains(t, body, `"status":"unready"`)
			assert.Contains(t, body, `"upstream":"down"`)
			assert.NotContains(t, body, app.path, "the log says which")
			assert.Contains(t, log.String(), app.path)

			app.listen(t)
			clock.forward(upstreams.ProbeTTL)
			status, _ = r.ready(t)
			assert.Equal(t, http.StatusOK, status)
			assert.Contains(t, log.String(), "accepts connections again")
			r.ends(t)
		})
	}
}

func TestReadyzWithoutTheUpstream(t *testing.T) {
	t.Parallel()
	app := newLateApp(t)
	r := run(t, http.NotFoundHandler(), app.change)
	status, body := r.ready(t)
	assert.Equal(t, http.StatusOK, status)
	assert.NotContains(t, body, "upstream")
	app.listen(t)
	_, _ = r.ready(t)
	r.ends(t)
	assert.Zero(t, app.accepted.Load())
}
