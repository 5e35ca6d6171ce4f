package serve

import (
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
)

func TestInFlightWaitsForTheLast(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		f := NewInFlight()
		counted := f.Count(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
		f.wait(t.Context()) // nothing to wait for
		for range 2 {
			go counted.ServeHTTP(nil, nil)
		}
		synctest.Wait()
		waited := false
		go func() { f.wait(t.Context()); waited = true }()
		release <- struct{}{}
		synctest.Wait()
		assert.False(t, waited, "one is left")
		release <- struct{}{}
		synctest.Wait()
		assert.True(t, waited)
	})
}
