package clerkapi_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/clerkgate/clerkgate/clerkapi"
)

// exampleAPI stands for Clerk: it answers every call with the same body.
func exampleAPI(status int, body string) (*clerkapi.Client, func()) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	c, err := clerkapi.New(clerkapi.Options{SecretKey: "sk_test_example", BaseURL: srv.URL})
	if err != nil {
		panic(err)
	}
	return c, func() { c.CloseIdleConnections(); srv.Close() }
}

func ExampleNew() {
	c, err := clerkapi.New(clerkapi.Options{
		SecretKey:  "sk_test_example",
		Timeout:    3 * time.Second,
		MaxRetries: 2,
	})
	fmt.Println(c, err)
	// Output: [base_url=https://api.clerk.com api_version=2026-05-12] <nil>
}

func ExampleClient_GetSession() {
	c, done := exampleAPI(http.StatusNotFound, `{"errors":[{"code":"resource_not_found","message":"No session"}],"clerk_trace_id":"7d1c"}`)
	defer done()

	_, res, err := c.GetSession(context.Background(), "sess_3aQm8XcVtb2LpR9dWz7YkEfHs1J")
	if errors.Is(err, clerkapi.ErrNotFound) {
		fmt.Println("gone:", err)
	}
	var api *clerkapi.APIError
	if errors.As(err, &api) {
		fmt.Println(res.StatusCode, api.Code(), api.TraceID)
	}
	// Output:
	// gone: clerkapi: get session: status 404 resource_not_found (trace 7d1c)
	// 404 resource_not_found 7d1c
}

func ExampleClient_RefreshSession() {
	c, done := exampleAPI(http.StatusOK, `{"object":"cookies","cookies":["__session=eyJ…; Path=/; Secure; SameSite=Lax"]}`)
	defer done()

	out, _, err := c.RefreshSession(context.Background(), "sess_3aQm8XcVtb2LpR9dWz7YkEfHs1J", &clerkapi.RefreshSessionParams{
		ExpiredToken:  "eyJ…",
		RefreshToken:  "r_9f…",
		RequestOrigin: "https://app.example.com",
		Format:        clerkapi.RefreshFormatCookie,
	})
	if err != nil {
		fmt.Println("sign in again:", err)
		return
	}
	fmt.Println(len(out.Cookies.Cookies), "cookie for the browser; printed it is", out)
	// Output: 1 cookie for the browser; printed it is [cookies=[cookies=1]]
}

func ExampleClient_GetJWKS() {
	c, done := exampleAPI(http.StatusOK, `{"keys":[{"use":"sig","kty":"RSA","kid":"ins_1","alg":"RS256","n":"yQ","e":"AQAB"}]}`)
	defer done()

	set, _, err := c.GetJWKS(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, key := range set.Keys {
		fmt.Println(key.Kid, key.Kty, key.Alg)
	}
	// Output: ins_1 RSA RS256
}

func ExampleClient_GetHandshakePayload() {
	c, done := exampleAPI(http.StatusOK, `{"directives":["__client_uat=0; Path=/"]}`)
	defer done()

	payload, _, err := c.GetHandshakePayload(context.Background(), "nonce")
	fmt.Println(payload.Directives[0], err)
	// Output: __client_uat=0; Path=/ <nil>
}

func ExampleClient_AllSessions() {
	c, done := exampleAPI(http.StatusOK, `{"data":[{"object":"session","id":"sess_1","status":"active"}],"total_count":1}`)
	defer done()

	for s, err := range c.AllSessions(context.Background(), &clerkapi.ListSessionsParams{UserID: "user_1"}) {
		if err != nil {
			fmt.Println(err)
			break
		}
		fmt.Println(s.ID, s.Status)
	}
	// Output: sess_1 active
}

func ExampleClient_VerifyM2MToken() {
	c, done := exampleAPI(http.StatusOK, `{"object":"machine_to_machine_token","id":"mt_1","subject":"mch_1","revoked":true}`)
	defer done()

	_, _, err := c.VerifyM2MToken(context.Background(), &clerkapi.VerifyM2MTokenParams{Token: "mt_secret"})
	fmt.Println(errors.Is(err, clerkapi.ErrTokenInactive))
	// Output: true
}

func ExampleWithHeaders() {
	c, done := exampleAPI(http.StatusOK, `{"object":"user","id":"user_1"}`)
	defer done()

	ctx := clerkapi.WithHeaders(context.Background(), http.Header{"X-Request-Id": {"42"}})
	u, _, err := c.GetUser(ctx, "user_1")
	fmt.Println(u.ID, err)
	// Output: user_1 <nil>
}

func ExampleVerifyWebhook() {
	header := http.Header{}
	header.Set("svix-id", "msg_2fact000000000000000000001")
	header.Set("svix-timestamp", "1767225600")
	header.Set("svix-signature", "v1,EtChWbpCqBdxcSy/P2yb5mCpWGOZCEftcOHNdebLqD4=")
	body := []byte(`{"type":"session.revoked","object":"event"}`)

	now := time.Unix(1767225610, 0) // time.Now() in an application
	event, err := clerkapi.VerifyWebhook("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", header, body, now)
	fmt.Println(event.Type, err)
	// Output: session.revoked <nil>
}
