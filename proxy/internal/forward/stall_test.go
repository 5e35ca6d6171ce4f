package forward

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/wire"
	"github.com/clerkgate/clerkgate/proxy/internal/answer"
)

// stalled is a transport whose application says a part of its response, and no more.
type stalled struct {
	header http.Header
	length int64
	said   time.Duration // between two pieces
	over   <-chan struct{}
}

func (s stalled) RoundTrip(r *http.Request) (*http.Response, error) {
	body, app := io.Pipe()
	go func() {
		for range 3 {
			if _, err := app.Write([]byte("piece")); err != nil {
				return
			}
			time.Sleep(s.said)
		}
		<-s.over
		app.Close()
	}()
	return &http.Response{StatusCode: http.StatusOK, Header: s.header, Body: body, ContentLength: s.length, Request: r}, nil
}

func TestApplicationThatStopsInTheMiddleOfAnAnswer(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		contentType string
		length      int64
		endless     bool
	}{
		"known length":        {"text/plain", 100, false},
		"unknown length":      {"text/plain", -1, false},
		"events":              {"text/event-stream; charset=utf-8", -1, true},
		"gRPC":                {"application/grpc+proto", -1, true},
		"events by half name": {"text/event-streams", -1, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				over := make(chan struct{})
				protocols := &http.Protocols{}
				protocols.SetHTTP1(true)
				in := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://app.example.com/", nil)
				u, err := New(Options{Target: in.URL, Protocols: protocols, ResponseTimeout: time.Minute, BodyIdleTimeout: 5 * time.Minute, Transport: stalled{
					header: http.Header{"Content-Type": {tc.contentType}}, length: tc.length, said: 4 * time.Minute, over: over,
				}})
				require.NoError(t, err)
				start, w := time.Now(), httptest.NewRecorder()
				var o answer.Outcome
				done := make(chan struct{})
				r := u.NewRequest(in, wire.NewFilter(nil, nil), false)
				go func() {
					u.Forward(w, r, &o)
					close(done)
				}()
				if tc.endless {
					time.Sleep(time.Hour)
					synctest.Wait()
					select {
					case <-done:
						t.Error("it may be silent")
					default:
					}
					close(over)
					<-done
					assert.NoError(t, o.Err)
					return
				}
				<-done
				close(over)
				assert.ErrorIs(t, o.Err, errStalled)
				assert.Equal(t, "piecepiecepiece", w.Body.String(), "four minutes between pieces are not too long")
				assert.Equal(t, 13*time.Minute, time.Since(start))
			})
		})
	}
}
