package clerkapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
)

const (
	maxListLimit    = 500
	defaultPageSize = 100
)

// ListSessionsParams selects sessions. Clerk requires at least one of ClientID and UserID.
type ListSessionsParams struct {
	ClientID  string // "" means any
	UserID    string // "" means any
	Status    string // one of the Session… constants; "" means any
	Paginated *bool  // nil and true ask for the total count as well
	Limit     *int   // 1 to 500; nil means the API's default of 10
	Offset    *int   // not negative; nil means 0
}

// Page is a part of a list.
type Page[T any] struct {
	Data       []T
	TotalCount int64 // of all matches, not only this page; -1 if the server did not say
}

// UnmarshalJSON decodes both forms of a list: an object with data and total_count, or a bare array.
func (pg *Page[T]) UnmarshalJSON(data []byte) error {
	*pg = Page[T]{TotalCount: -1}
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("[")) {
		return json.Unmarshal(data, &pg.Data)
	}
	var doc struct {
		Data       []T    `json:"data"`
		TotalCount *int64 `json:"total_count"`
	}
	if err := decodeJSON(data, &doc); err != nil {
		return err
	}
	pg.Data = doc.Data
	if doc.TotalCount != nil {
		pg.TotalCount = *doc.TotalCount
	}
	return nil
}

func (pg *Page[T]) validate() error {
	if pg.Data == nil {
		return errors.New("data is missing")
	}
	for i := range pg.Data {
		if v, ok := any(&pg.Data[i]).(validator); ok {
			if err := v.validate(); err != nil {
				return fmt.Errorf("item %d: %w", i, err)
			}
		}
	}
	return nil
}

// query returns the query parameters. Zero values are left out, as in Clerk's own client.
func (lp *ListSessionsParams) query(name string) (url.Values, error) {
	q := url.Values{"paginated": {"true"}}
	if lp == nil {
		return q, nil
	}
	if lp.Limit != nil && (*lp.Limit < 1 || *lp.Limit > maxListLimit) {
		return nil, invalidParams(name, fmt.Sprintf("Limit: want 1 to %d", maxListLimit))
	}
	if lp.Offset != nil && *lp.Offset < 0 {
		return nil, invalidParams(name, "Offset: negative")
	}
	for key, value := range map[string]string{"client_id": lp.ClientID, "user_id": lp.UserID, "status": lp.Status} {
		if value != "" {
			q.Set(key, value)
		}
	}
	if lp.Limit != nil {
		q.Set("limit", strconv.Itoa(*lp.Limit))
	}
	if lp.Offset != nil && *lp.Offset > 0 {
		q.Set("offset", strconv.Itoa(*lp.Offset))
	}
	if lp.Paginated != nil && !*lp.Paginated {
		q.Del("paginated")
	}
	return q, nil
}

// ListSessions fetches one page of sessions, newest first (GET /sessions). The params may be nil.
func (c *Client) ListSessions(ctx context.Context, p *ListSessionsParams) (*Page[Session], *Response, error) {
	const name = "list sessions"
	q, err := p.query(name)
	if err != nil {
		return nil, nil, err
	}
	return call[Page[Session]](ctx, c, operation{
		name: name, method: http.MethodGet, route: "/sessions", query: q, retry: retryTransient,
	})
}

// AllSessions iterates over the sessions from p.Offset on, fetching p.Limit (default 100) at a time. It ends after the
// last session, or with one error and a zero session. Sessions that are created or ended meanwhile may cause others to
// be seen twice or missed, since Clerk counts pages from the newest. The params may be nil and are not changed.
func (c *Client) AllSessions(ctx context.Context, p *ListSessionsParams) iter.Seq2[Session, error] {
	return func(yield func(Session, error) bool) {
		var q ListSessionsParams
		if p != nil {
			q = *p
		}
		limit, offset := defaultPageSize, 0
		if q.Limit != nil {
			limit = *q.Limit
		}
		if q.Offset != nil {
			offset = *q.Offset
		}
		q.Limit, q.Offset = &limit, &offset
		last := ""
		for {
			page, _, err := c.ListSessions(ctx, &q)
			if err == nil && len(page.Data) > 0 && page.Data[0].ID == last {
				// With a server that ignores offset, the loop would never end.
				err = errors.New("clerkapi: list sessions: the server repeats a page")
			}
			if err != nil {
				yield(Session{}, err)
				return
			}
			for _, s := range page.Data {
				if !yield(s, nil) {
					return
				}
			}
			offset += len(page.Data)
			if len(page.Data) == 0 || page.TotalCount >= 0 && int64(offset) >= page.TotalCount ||
				page.TotalCount < 0 && len(page.Data) < limit {
				return
			}
			last = page.Data[0].ID
		}
	}
}
