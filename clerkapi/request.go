package clerkapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// operation is one call of the API, without keys and base URL.
type operation struct {
	name        string // for errors and hooks: "get session"
	method      string
	route       string   // each {} is replaced with one of ids
	ids         []string // not yet checked and escaped
	unversioned bool     // the path has no version segment
	machine     bool     // the machine secret key is preferred
	machineKey  string   // for this call; "" means the client's
	apiVersion  string   // "" means the client's
	query       url.Values
	body        any // nil means an empty body
	retry       retryClass
}

// call performs an operation and decodes its result.
func call[T any](ctx context.Context, c *Client, op operation) (*T, *Response, error) {
	res, err := c.do(ctx, op)
	if err != nil {
		return nil, res, fmt.Errorf("clerkapi: %s: %w", op.name, err)
	}
	out := new(T)
	if err := res.decode(out); err != nil {
		return nil, res, fmt.Errorf("clerkapi: %s: %w", op.name, err)
	}
	return out, res, nil
}

// do makes the attempts of one call. The error is nil only if a 2xx reply was read to its end.
func (c *Client) do(ctx context.Context, op operation) (*Response, error) {
	target, err := c.url(op)
	if err != nil {
		return nil, err
	}
	key, err := c.key(ctx, op)
	if err != nil {
		return nil, err
	}
	var body []byte
	if op.body != nil {
		if body, err = json.Marshal(op.body); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrInvalidParams, err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	for n := 1; ; n++ {
		res, err := c.attempt(ctx, op, n, target, key, body)
		if err == nil || n > c.maxRetries || !retryable(op.retry, res, err) {
			return res, err
		}
		if !wait(ctx, retryDelay(n, res)) {
			if ctx.Err() != nil {
				err = fmt.Errorf("%w: %w", err, ctx.Err())
			}
			return res, err
		}
	}
}

// attempt makes one round trip. The transport is used without an http.Client around it, which would follow
// redirects, keep cookies and put the URL into its errors.
func (c *Client) attempt(ctx context.Context, op operation, n int, target, key string, body []byte) (res *Response, err error) {
	if c.hooks.Attempt != nil {
		start := c.now()
		defer func() {
			a := Attempt{Operation: op.name, Method: op.method, Route: op.route, Number: n, Err: err}
			if res != nil {
				a.StatusCode, a.TraceID = res.StatusCode, res.TraceID
			}
			a.Duration = c.now().Sub(start)
			c.hooks.Attempt(ctx, a)
		}()
	}
	req, err := c.newRequest(ctx, op, target, key, body)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil { // the caller's transport may not check
		return nil, newTransportError(noReply, err, err)
	}
	hr, err := c.transport.RoundTrip(req)
	if err != nil {
		return nil, newTransportError(noReply, err, ctx.Err(), c.secrets(req)...)
	}
	if hr == nil || hr.Body == nil {
		return nil, newTransportError(noReply, errors.New("transport returned neither reply nor error"), nil)
	}
	res, err = readResponse(hr, c.maxBody, c.now)
	res.exactType = c.exactType
	if err != nil && !errors.Is(err, ErrBodyTooLarge) {
		err = newTransportError(lostBody(err, ctx.Err()), err, ctx.Err(), c.secrets(req)...)
	}
	if res.StatusCode/100 != 2 {
		if err != nil { // the status counts even without the body
			return res, fmt.Errorf("%w: %w", res.apiError(), err)
		}
		return res, res.apiError()
	}
	return res, err
}

// secrets returns the texts that a transport's error must not contain.
func (c *Client) secrets(req *http.Request) []string {
	authorization := req.Header.Get("Authorization")
	return []string{authorization, strings.TrimPrefix(authorization, "Bearer "), c.secretKey, c.machineSecretKey, req.URL.RawQuery}
}

func (c *Client) newRequest(ctx context.Context, op operation, target, key string, body []byte) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, op.method, target, bytes.NewReader(body))
	if err != nil { // its text contains the URL
		return nil, fmt.Errorf("%w: not a request", ErrInvalidParams)
	}
	// Clerk's own client sends a content type with every request, even without a body.
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Clerk-API-Version", orDefault(op.apiVersion, c.apiVersion))
	req.Header.Set("User-Agent", c.userAgent)
	for name, values := range headersFrom(ctx) {
		req.Header[name] = slices.Clone(values)
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	return req, nil
}

// url returns the URL of an operation. It checks and escapes the ids.
func (c *Client) url(op operation) (string, error) {
	parts := strings.Split(op.route, "{}")
	var b strings.Builder
	b.WriteString(c.baseURL)
	if !op.unversioned {
		b.WriteString(c.versionPath)
	}
	for i, part := range parts {
		b.WriteString(part)
		if i == len(parts)-1 {
			break
		}
		segment, err := pathSegment(op.ids[i])
		if err != nil {
			return "", err
		}
		b.WriteString(segment)
	}
	if len(op.query) > 0 {
		b.WriteString("?" + op.query.Encode())
	}
	return b.String(), nil
}

// key returns the key to authenticate with: none if the caller set an Authorization header; for M2M the call's machine
// key, then the client's; otherwise the secret key.
func (c *Client) key(ctx context.Context, op operation) (string, error) {
	if headersFrom(ctx).Get("Authorization") != "" {
		return "", nil
	}
	key := c.secretKey
	if op.machine {
		key = orDefault(orDefault(op.machineKey, c.machineSecretKey), c.secretKey)
	}
	if key == "" {
		return "", ErrMissingKey
	}
	if !headerSafe(key) {
		return "", fmt.Errorf("%w: machine secret key contains white space or control characters", ErrInvalidParams)
	}
	return key, nil
}
