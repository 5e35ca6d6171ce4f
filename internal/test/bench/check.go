package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// check makes sure that a contender does the work it is measured for: it accepts a live
// token, tells the application who the user is, and refuses every bad token.
func (b *bench) check(ctx context.Context, r *running) error {
	client := &http.Client{Transport: &http.Transport{}, Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	for _, s := range []session{b.credentials.sessions[0], b.credentials.sessions[tokens-1]} {
		status, echoed, err := b.ask(ctx, client, r, s.token)
		if err != nil {
			return err
		}
		if status != http.StatusOK {
			return fmt.Errorf("%s answers a live token with %d", r.name, status)
		}
		if r.identifies {
			if err := checkIdentity(s, echoed); err != nil {
				return fmt.Errorf("%s: %w", r.name, err)
			}
		}
	}
	if !r.refuses {
		return nil
	}
	bad, err := b.badTokens(r.identifies)
	if err != nil {
		return err
	}
	for what, token := range bad {
		status, _, err := b.ask(ctx, client, r, token)
		if err != nil {
			return err
		}
		if status != http.StatusUnauthorized {
			return fmt.Errorf("%s answers a token that is %s with %d", r.name, what, status)
		}
	}
	return nil
}

// ask sends token, with an identity header that must be removed, and returns what reached
// the upstream.
func (b *bench) ask(ctx context.Context, client *http.Client, r *running, token string) (status int, echoed string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+r.address+echoPath, nil)
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("X-Clerk-User-Id", "user_forged")
	switch {
	case token == "":
	case r.cookie:
		req.Header.Set("Cookie", cookieHeader(token, b.credentials.issued))
	default:
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := client.Do(req)
	if err != nil {
		return 0, "", fmt.Errorf("ask %s: %w", r.name, err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err != nil {
		return 0, "", fmt.Errorf("ask %s: %w", r.name, err)
	}
	return res.StatusCode, string(body), nil
}

// checkIdentity checks what the application received.
func checkIdentity(s session, echoed string) error {
	header := make(http.Header)
	for line := range strings.Lines(echoed) {
		if name, value, ok := strings.Cut(line, ": "); ok {
			header.Add(name, strings.TrimSpace(value))
		}
	}
	for name, want := range map[string]string{
		"X-Clerk-Auth-Status": "signed-in", "X-Clerk-Token-Type": "session_token",
		"X-Clerk-User-Id": s.user, "X-Clerk-Session-Id": s.id,
		"X-Clerk-Org-Id": s.orgID, "X-Clerk-Org-Slug": s.orgSlug, "X-Clerk-Org-Role": s.orgRole,
		"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "http",
	} {
		if got := header.Values(name); len(got) != 1 || got[0] != want {
			return fmt.Errorf("the upstream got %s %q, want %q", name, got, want)
		}
	}
	return nil
}

// badTokens returns tokens that must be refused, by what is wrong with them. With all it
// includes tokens that are wrong only in further claims.
func (b *bench) badTokens(all bool) (map[string]string, error) {
	c := b.credentials
	live := c.sessions[1].token
	cut := strings.LastIndexByte(live, '.') + 1
	_, other, _ := strings.Cut(c.sessions[2].token, ".")
	head, _, _ := strings.Cut(live, ".")
	payload, _, _ := strings.Cut(other, ".")
	bad := map[string]string{
		"absent":                  "",
		"not signed":              live[:cut],
		"another's claims":        head + "." + payload + "." + live[cut:],
		"signed by somebody else": live[:cut] + c.sessions[2].token[strings.LastIndexByte(c.sessions[2].token, '.')+1:],
	}
	hour := time.Hour
	spoilt := map[string]func(jwt.MapClaims){
		"expired": func(m jwt.MapClaims) { m["exp"] = c.issued.Add(-hour).Unix() },
	}
	if all {
		spoilt["not valid yet"] = func(m jwt.MapClaims) { m["nbf"] = c.issued.Add(hour).Unix() }
		spoilt["another site's"] = func(m jwt.MapClaims) { m["azp"] = "https://evil.example" }
		spoilt["nobody's"] = func(m jwt.MapClaims) { delete(m, "sub") }
	}
	for what, change := range spoilt {
		token, err := c.sign(c.sessions[1], change)
		if err != nil {
			return nil, err
		}
		bad[what] = token
	}
	return bad, nil
}
