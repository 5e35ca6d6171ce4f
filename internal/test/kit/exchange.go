package kit

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// ExchangesVariable is the environment variable from which tests take the file that
// they give to [Recording] and [Record].
const ExchangesVariable = "CLERKGATE_EXCHANGES"

// WebhookMethod is the Method of an [Exchange] that is what a webhook was sent.
const WebhookMethod = "WEBHOOK"

// Exchange is a request with its answer, as the client of a test saw both. The
// keys in it belong to instances that ended with their tests.
type Exchange struct {
	Test   string
	Method string
	URL    string
	Sent   http.Header
	Body   []byte
	Status int
	Header http.Header
	Answer []byte
}

// Recording returns a transport that appends what goes over base to a file, one
// [Exchange] as JSON a line. It is base itself when file is empty.
func Recording(t testing.TB, file string, base http.RoundTripper) http.RoundTripper {
	t.Helper()
	if file == "" {
		return base
	}
	return RoundTripFunc(func(r *http.Request) (*http.Response, error) {
		e := Exchange{Test: t.Name(), Method: r.Method, URL: r.URL.RequestURI(), Sent: r.Header.Clone()}
		r = r.Clone(r.Context())
		r.Body, e.Body = drain(t, r.Body)
		res, err := base.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil { // its own reader is to see that too
			res.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), failing{err}))
			return res, nil
		}
		res.Body = io.NopCloser(bytes.NewReader(body))
		e.Status, e.Header, e.Answer = res.StatusCode, res.Header.Clone(), body
		Record(t, file, e)
		return res, nil
	})
}

// Record appends one exchange to a file, unless file is empty.
func Record(t testing.TB, file string, e Exchange) {
	t.Helper()
	if file == "" {
		return
	}
	line, err := json.Marshal(e)
	require.NoError(t, err)
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	require.NoError(t, err)
	_, err = f.Write(append(line, '\n')) // in one piece: others append too
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

func drain(t testing.TB, body io.ReadCloser) (again io.ReadCloser, read []byte) {
	t.Helper()
	if body == nil {
		return nil, nil
	}
	read, err := io.ReadAll(body)
	require.NoError(t, err)
	_ = body.Close()
	return io.NopCloser(bytes.NewReader(read)), read
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
