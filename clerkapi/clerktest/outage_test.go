package clerktest_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
)

const (
	jwksPath    = "/v1/jwks"
	sessionPath = "/v1/sessions/sess_x"
	clientPath  = "/v1/environment"
)

// disconnected is the status that met returns if there was no response.
const disconnected = -1

// met returns the status that a request gets.
func (f *fixture) met(method, path string) int {
	f.t.Helper()
	r, err := http.NewRequestWithContext(f.t.Context(), method, f.URL+path, nil)
	require.NoError(f.t, err)
	r.Header.Set("Authorization", "Bearer "+f.SecretKey())
	res, err := f.http.Do(r)
	if err != nil {
		return disconnected
	}
	defer res.Body.Close()
	return res.StatusCode
}

func TestOutageKinds(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name                             string
		outage                           clerktest.Outage
		jwks, session, revocation, pages int
	}{
		{"none", clerktest.Outage{}, 200, 404, 404, 200},
		{"down", clerktest.Outage{Kind: clerktest.OutageDown}, disconnected, disconnected, disconnected, disconnected},
		{"the Backend API alone", clerktest.Outage{Kind: clerktest.OutageDown, Part: clerktest.BackendAPI}, disconnected, disconnected, disconnected, 200},
		{"the Frontend API alone", clerktest.Outage{Kind: clerktest.OutageDown, Part: clerktest.FrontendAPI}, 200, 404, 404, disconnected},
		{"error", clerktest.Outage{Kind: clerktest.OutageError}, 500, 500, 500, 500},
		{"rate limit", clerktest.Outage{Kind: clerktest.OutageRateLimit}, 200, 429, 429, 429},
		{"slow", clerktest.Outage{Kind: clerktest.OutageSlow, Delay: time.Millisecond}, 200, 404, 404, 200},
		{"maintenance", clerktest.Outage{Kind: clerktest.OutageMaintenance}, 503, 503, 503, 503},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := setup(t, clerktest.Options{Outage: tt.outage})
			assert.Equal(t, tt.outage, f.Outage())
			assert.Equal(t, tt.jwks, f.met(http.MethodGet, jwksPath))
			assert.Equal(t, tt.session, f.met(http.MethodGet, sessionPath))
			assert.Equal(t, tt.revocation, f.met(http.MethodPost, sessionPath+"/revoke"))
			assert.Equal(t, tt.pages, f.met(http.MethodGet, clientPath))
			assert.Equal(t, tt.pages, f.met(http.MethodGet, "/sign-in"))

			f.SetOutage(clerktest.Outage{})
			assert.Equal(t, 404, f.met(http.MethodGet, sessionPath))
		})
	}
}

// Clerk's production instances go on issuing tokens while they accept no changes.
func TestMaintenanceInProduction(t *testing.T) {
	t.Parallel()
	f := setup(t, clerktest.Options{Production: true, Outage: clerktest.Outage{Kind: clerktest.OutageMaintenance}})
	assert.Equal(t, 404, f.met(http.MethodGet, sessionPath))
	assert.Equal(t, 404, f.met(http.MethodPost, sessionPath+"/tokens"))
	assert.NotEqual(t, 503, f.met(http.MethodPost, sessionPath+"/refresh"))
	refused := f.backend(http.MethodPost, sessionPath+"/revoke", nil)
	assert.Equal(t, 503, refused.StatusCode)
	assert.Equal(t, "maintenance_mode", refused.code())
	assert.Equal(t, 503, f.met(http.MethodPost, "/v1/client/sign_ins"))
}

func TestOutageTellsHowLongToWait(t *testing.T) {
	t.Parallel()
	f := setup(t, clerktest.Options{Outage: clerktest.Outage{Kind: clerktest.OutageRateLimit, RetryAfter: 29*time.Second + 1}})
	assert.Equal(t, "30", f.backend(http.MethodGet, sessionPath, nil).Header.Get("Retry-After"))
	f.SetOutage(clerktest.Outage{Kind: clerktest.OutageRateLimit})
	assert.Equal(t, "10", f.backend(http.MethodGet, sessionPath, nil).Header.Get("Retry-After"))
}

func TestOutageByTheClock(t *testing.T) {
	t.Parallel()
	began := time.Now()
	f := setup(t, clerktest.Options{Now: func() time.Time { return began }})
	f.SetOutage(clerktest.Outage{Kind: clerktest.OutageError, Flapping: 10 * time.Second, Lasts: time.Minute})
	for _, want := range []int{500, 404, 500, 404, 500, 404, 404, 404} {
		assert.Equal(t, want, f.met(http.MethodGet, sessionPath), f.Now().Sub(began))
		f.Advance(10 * time.Second)
	}
	assert.Zero(t, f.Outage(), "it is over")
}

func TestHangingOutageEndsWithTheServer(t *testing.T) {
	t.Parallel()
	f := setup(t, clerktest.Options{Outage: clerktest.Outage{Kind: clerktest.OutageHang, Part: clerktest.BackendAPI}})
	done := make(chan int)
	go func() { done <- f.met(http.MethodGet, jwksPath) }()
	waitForCall(t, f, jwksPath)
	assert.Equal(t, 200, f.met(http.MethodGet, clientPath))
	f.Close()
	assert.Equal(t, disconnected, <-done)
}

func TestOutageIsChecked(t *testing.T) {
	t.Parallel()
	for want, outage := range map[string]clerktest.Outage{
		`outage: kind: found "gone"`:    {Kind: "gone"},
		`outage: part: found "both"`:    {Kind: clerktest.OutageDown, Part: "both"},
		"outage: found a negative time": {Kind: clerktest.OutageDown, Lasts: -1},
	} {
		require.ErrorContains(t, clerktest.Options{Outage: outage}.Validate(), want)
		assert.Panics(t, func() { setup(t, clerktest.Options{}).SetOutage(outage) })
	}
}
