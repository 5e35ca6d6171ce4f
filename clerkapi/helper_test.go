package clerkapi_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/clerkgate/clerkgate/clerkapi"
)

const (
	secretKey  = "sk_test_planted_secret"
	machineKey = "ak_planted_machine_secret"
	sessionID  = "sess_3aQm8XcVtb2LpR9dWz7YkEfHs1J"
)

// TestMain fails when a call leaves a goroutine or a connection behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// reply is what the fake API answers.
type reply struct {
	status int
	header http.Header
	body   string
}

// ok is a 200 with a JSON body.
func ok(body string) reply { return reply{status: http.StatusOK, body: body} }

// seen is a request the fake API got.
type seen struct {
	method, uri, body string
	header            http.Header
}

// fake is an API that answers with its replies in turn, the last one for ever.
type fake struct {
	*httptest.Server
	mu       sync.Mutex
	replies  []reply
	requests []seen
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	f.mu.Lock()
	f.requests = append(f.requests, seen{r.Method, r.RequestURI, string(body), r.Header.Clone()})
	rep := f.replies[0]
	if len(f.replies) > 1 {
		f.replies = f.replies[1:]
	}
	f.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	for k, v := range rep.header {
		w.Header()[k] = v
	}
	w.WriteHeader(rep.status)
	_, _ = io.WriteString(w, rep.body)
}

// got returns the requests so far.
func (f *fake) got() []seen {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]seen(nil), f.requests...)
}

// setup starts a fake API and a client of it; change may alter the client's options.
func setup(t testing.TB, change func(*clerkapi.Options), replies ...reply) (*clerkapi.Client, *fake) {
	t.Helper()
	f := &fake{replies: replies}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	o := clerkapi.Options{SecretKey: secretKey, MachineSecretKey: machineKey, BaseURL: f.URL}
	if change != nil {
		change(&o)
	}
	c, err := clerkapi.New(o)
	require.NoError(t, err)
	t.Cleanup(c.CloseIdleConnections)
	return c, f
}

// noSecrets fails when a text holds one of the planted secrets.
func noSecrets(t testing.TB, text string) {
	t.Helper()
	assert.NotContains(t, strings.ToLower(text), "planted")
}
