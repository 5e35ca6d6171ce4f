package demo

import (
	"bufio"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// nextUpdate reads a stream up to the next event.
func nextUpdate(t *testing.T, lines *bufio.Scanner) (id string, u update) {
	t.Helper()
	for lines.Scan() {
		if after, ok := strings.CutPrefix(lines.Text(), "id: "); ok {
			id = after
		}
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			require.NoError(t, json.Unmarshal([]byte(data), &u))
			return id, u
		}
	}
	require.FailNow(t, "the stream ended", "%v", lines.Err())
	return id, u
}

func TestEventsComeThroughClerkgate(t *testing.T) {
	t.Parallel()
	d, browser, _ := startedSignedIn(t, Options{})
	listen := func(after string, header http.Header) *bufio.Scanner {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.origin+eventsPath+"?after="+after, nil)
		require.NoError(t, err)
		r.Header = header
		transport := &http.Transport{}
		t.Cleanup(transport.CloseIdleConnections)
		res, err := transport.RoundTrip(r)
		require.NoError(t, err)
		t.Cleanup(func() { _ = res.Body.Close() })
		assert.Equal(t, "text/event-stream", res.Header.Get("Content-Type"))
		assert.Empty(t, res.Header.Values("Set-Cookie"), "it renews nothing")
		return bufio.NewScanner(res.Body)
	}
	page := browser.open(d.origin + "/")
	after := page.attributeByID("events", "data-after")
	stream := listen(after, http.Header{})
	d.clerk.Advance(time.Minute + 10*time.Second)
	browser.open(d.origin + "/")

	id, u := nextUpdate(t, stream)
	assert.Contains(t, u.Item, "token refreshed")
	assert.Contains(t, u.Item, jane)
	assert.Contains(t, u.What, "exchanged it at Clerk")
	assert.Equal(t, "gate clerk app", u.Lit)
	assert.True(t, u.Renewed)

	browser.open(d.origin + "/api/me")
	later, u := nextUpdate(t, stream)
	assert.Contains(t, u.Item, "session looked up", "the refresh took its word for it")
	again, _ := nextUpdate(t, listen(after, http.Header{"Last-Event-Id": {id}}))
	assert.Equal(t, later, again, "a connection that was lost goes on where it was")
}

// Streams of events never end by themselves, so they must not be waited for.
func TestStoppingDoesNotWaitForStreams(t *testing.T) {
	t.Parallel()
	s := newStory(time.Now, func(id string) string { return id })
	_, more := s.tell()
	require.NotNil(t, more)
	s.end()
	<-more
	_, more = s.tell()
	assert.Nil(t, more)
}
