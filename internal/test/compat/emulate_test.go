package compat

import (
	"bufio"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi"
)

// startEmulate runs the npm package emulate, whose authors are not ours.
func startEmulate(t *testing.T) string {
	const command = "emulate/node_modules/.bin/emulate"
	if _, err := os.Stat(command); err != nil {
		if os.Getenv("COMPAT_REQUIRED") == "1" {
			t.Fatal("the npm package emulate is missing: run internal/test/compat/run.sh")
		}
		t.Skip("the npm package emulate is missing: internal/test/compat/run.sh installs it")
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	port := free.Addr().(*net.TCPAddr).Port
	require.NoError(t, free.Close())

	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "node", command, "start", "--service", "clerk", "--port", strconv.Itoa(port))
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // killed
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if strings.Contains(lines.Text(), "test_token_admin") {
			return "http://127.0.0.1:" + strconv.Itoa(port)
		}
	}
	t.Fatal("emulate did not start")
	return ""
}

// TestClerkAPIOnAnIndependentServer runs clerkapi on a server that shares nothing
// with it, for the operations which that server has.
func TestClerkAPIOnAnIndependentServer(t *testing.T) {
	url := startEmulate(t)
	const secret = "test_token_admin"
	client, err := clerkapi.New(clerkapi.Options{SecretKey: secret, BaseURL: url, Timeout: 10 * time.Second})
	require.NoError(t, err)
	t.Cleanup(client.CloseIdleConnections)
	ctx := t.Context()
	userID := firstUser(t, url, secret)

	keys, _, err := client.GetJWKS(ctx)
	require.NoError(t, err)
	require.NotEmpty(t, keys.Keys)
	assert.Equal(t, "RSA", keys.Keys[0].Kty)

	user, _, err := client.GetUser(ctx, userID)
	require.NoError(t, err)
	assert.Equal(t, userID, user.ID)

	session, response, err := client.CreateSession(ctx, &clerkapi.CreateSessionParams{UserID: userID})
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, response.StatusCode)
	assert.Equal(t, clerkapi.SessionActive, session.Status)

	got, _, err := client.GetSession(ctx, session.ID)
	require.NoError(t, err)
	assert.Equal(t, userID, got.UserID)

	page, _, err := client.ListSessions(ctx, &clerkapi.ListSessionsParams{UserID: userID})
	require.NoError(t, err)
	require.Len(t, page.Data, 1)
	assert.Equal(t, session.ID, page.Data[0].ID)

	token, _, err := client.CreateSessionToken(ctx, session.ID, nil)
	require.NoError(t, err)
	assert.Equal(t, 2, strings.Count(token.JWT, "."))

	fromTemplate, _, err := client.CreateSessionTokenFromTemplate(ctx, session.ID, "hasura", nil)
	require.NoError(t, err)
	assert.Equal(t, 2, strings.Count(fromTemplate.JWT, "."))

	revoked, _, err := client.RevokeSession(ctx, session.ID)
	require.NoError(t, err)
	assert.Equal(t, clerkapi.SessionRevoked, revoked.Status)

	_, _, err = client.GetSession(ctx, "sess_of_nobody")
	require.ErrorIs(t, err, clerkapi.ErrNotFound)
}

func firstUser(t *testing.T, url, secret string) string {
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/v1/users?limit=1", nil)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+secret)
	res, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	var page struct {
		Data []struct{ ID string }
	}
	require.NoError(t, json.NewDecoder(res.Body).Decode(&page))
	require.NotEmpty(t, page.Data)
	return page.Data[0].ID
}
