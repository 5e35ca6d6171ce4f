package forward

import (
	"errors"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/certificate"
	"github.com/clerkgate/clerkgate/internal/http1"
)

// versions are those of HTTP that are named.
func versions(names ...string) *http.Protocols {
	p := &http.Protocols{}
	for _, name := range names {
		switch name {
		case "http1":
			p.SetHTTP1(true)
		case "http2":
			p.SetHTTP2(true)
		case "h2c":
			p.SetUnencryptedHTTP2(true)
		}
	}
	return p
}

func address(t testing.TB, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	require.NoError(t, err)
	return u
}

func TestTransportChoice(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		target    string
		protocols *http.Protocols
		direct    bool
		want      transport
	}{
		{"http://127.0.0.1:1", versions("http1"), true, &http1.Transport{}},
		{"unix:/app.sock", versions("http1"), true, &http1.Transport{}},
		{"http://127.0.0.1:1", versions("http1"), false, &http.Transport{}},
		{"unix:/app.sock", versions("http1"), false, &http.Transport{}},
		{"http://127.0.0.1:1", versions("h2c"), true, &switching{}},
		{"https://127.0.0.1:1", versions("http1", "http2"), true, &http.Transport{}},
		{"https://127.0.0.1:1", versions("http2"), true, &switching{}},
	} {
		u, err := New(Options{Target: address(t, test.target), Protocols: test.protocols, Direct: test.direct})
		require.NoError(t, err)
		assert.IsType(t, test.want, u.transport, test.target)
		u.Close()
	}
	for _, o := range []Options{{CAFile: "missing.pem"}, {CertificateFile: "missing.pem", KeyFile: "missing.key"}} {
		o.Target, o.Protocols = address(t, "https://127.0.0.1:1"), versions("http1")
		u, err := New(o)
		assert.Nil(t, u)
		var file *certificate.Error
		assert.True(t, errors.As(err, &file), o)
	}
}

// HTTP_PROXY says nothing to a sidecar: requests with credentials go where they
// were told to.
func TestTransportsIgnoreTheEnvironmentsProxy(t *testing.T) {
	t.Parallel()
	assert.Nil(t, NewTransport(&url.URL{Scheme: "http", Host: "app.internal"}, Timeouts{Connect: time.Second, Response: time.Second}).Proxy)
}
