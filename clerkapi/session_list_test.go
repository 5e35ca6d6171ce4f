package clerkapi_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi"
)

func TestListSessionsQuery(t *testing.T) {
	t.Parallel()
	no, yes, zero, ten := false, true, 0, 10
	for want, p := range map[string]*clerkapi.ListSessionsParams{
		"?paginated=true": nil,
		"":                {Paginated: &no, Offset: &zero},
		"?client_id=c%26&limit=10&offset=10&paginated=true&status=active&user_id=u": {ClientID: "c&", UserID: "u",
			Status: clerkapi.SessionActive, Paginated: &yes, Limit: &ten, Offset: &ten},
	} {
		c, f := setup(t, nil, ok(`[]`))
		page, _, err := c.ListSessions(t.Context(), p)
		require.NoError(t, err)
		assert.Empty(t, page.Data)
		assert.Equal(t, "/v1/sessions"+want, f.got()[0].uri)
	}
}

func TestListSessionsForms(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, body string
		count      int
		total      int64
		wantErr    bool
	}{
		{"page", `{"data":[` + sessionJSON + `],"total_count":37}`, 1, 37, false},
		{"page without total", `{"data":[]}`, 0, -1, false},
		{"array", ` [` + sessionJSON + `,` + sessionJSON + `]`, 2, -1, false},
		{"object without data", `{"total_count":1}`, 0, 0, true},
		{"null", `null`, 0, 0, true},
		{"string", `"x"`, 0, 0, true},
		{"item without id", `[{"object":"session"}]`, 0, 0, true},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c, _ := setup(t, nil, ok(tc.body))
			page, res, err := c.ListSessions(t.Context(), nil)
			require.NotNil(t, res)
			if tc.wantErr {
				var d *clerkapi.DecodeError
				require.ErrorAs(t, err, &d)
				assert.Nil(t, page)
				return
			}
			require.NoError(t, err)
			assert.Len(t, page.Data, tc.count)
			assert.Equal(t, tc.total, page.TotalCount)
		})
	}
}

// sessionPages serves n sessions, by page or as bare arrays.
func sessionPages(t testing.TB, n int, calls *[]string) *clerkapi.Client {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		*calls = append(*calls, r.URL.RawQuery)
		limit, _ := strconv.Atoi(q.Get("limit"))
		offset, _ := strconv.Atoi(q.Get("offset"))
		var items []string
		for i := offset; i < min(offset+limit, n); i++ {
			items = append(items, fmt.Sprintf(`{"object":"session","id":"sess_%d"}`, i))
		}
		body := "[" + strings.Join(items, ",") + "]"
		if q.Get("paginated") == "true" {
			body = fmt.Sprintf(`{"data":%s,"total_count":%d}`, body, n)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(srv.Close)
	c, err := clerkapi.New(clerkapi.Options{SecretKey: secretKey, BaseURL: srv.URL})
	require.NoError(t, err)
	t.Cleanup(c.CloseIdleConnections)
	return c
}

func TestAllSessions(t *testing.T) {
	t.Parallel()
	no, two, three := false, 2, 3
	cases := []struct {
		name   string
		n      int
		params *clerkapi.ListSessionsParams
		want   int
		calls  int
	}{
		{"none", 0, nil, 0, 1},
		{"one page", 99, nil, 99, 1},
		{"default size", 250, nil, 250, 3},
		{"exact pages, total known", 4, &clerkapi.ListSessionsParams{Limit: &two}, 4, 2},
		{"exact pages, bare arrays", 4, &clerkapi.ListSessionsParams{Limit: &two, Paginated: &no}, 4, 3},
		{"odd page, bare arrays", 5, &clerkapi.ListSessionsParams{Limit: &two, Paginated: &no}, 5, 3},
		{"from an offset", 5, &clerkapi.ListSessionsParams{Limit: &two, Offset: &three}, 2, 1},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var calls, ids []string
			c := sessionPages(t, tc.n, &calls)
			for s, err := range c.AllSessions(t.Context(), tc.params) {
				require.NoError(t, err)
				ids = append(ids, s.ID)
			}
			assert.Len(t, ids, tc.want)
			assert.Len(t, calls, tc.calls, calls)
		})
	}
	assert.Equal(t, 2, two, "the caller's params are not changed")
	assert.Equal(t, 3, three)
}

func TestAllSessionsStops(t *testing.T) {
	t.Parallel()
	var calls []string
	one := 1
	for range sessionPages(t, 5, &calls).AllSessions(t.Context(), &clerkapi.ListSessionsParams{Limit: &one}) {
		break
	}
	assert.Len(t, calls, 1)

	// A server that ignores the offset must not keep us for ever.
	c, f := setup(t, nil, ok(`{"data":[`+sessionJSON+`],"total_count":1000}`))
	count, failed := 0, 0
	for s, err := range c.AllSessions(t.Context(), nil) {
		if err != nil {
			assert.Equal(t, clerkapi.Session{}, s)
			assert.ErrorContains(t, err, "repeats a page")
			failed++
			continue
		}
		count++
	}
	assert.Equal(t, []int{1, 1, 2}, []int{count, failed, len(f.got())})

	c, _ = setup(t, nil, reply{401, nil, `{}`})
	for _, err := range c.AllSessions(t.Context(), nil) {
		require.ErrorIs(t, err, clerkapi.ErrUnauthorized)
	}
}
