package routes_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/proxy/routes"
)

func TestClaimHeaders(t *testing.T) {
	t.Parallel()
	cfg, err := routes.Parse("claim_headers.yaml", examples(t, "valid")["claim_headers"])
	require.NoError(t, err)
	assert.Equal(t, []routes.ClaimHeader{
		{Name: "X-Webauth-User", Value: "email"}, {Name: "X-Forwarded-Email", Value: "email"},
		{Name: "X-User-Name", Value: "{first_name} {last_name}"}, {Name: "X-Team", Value: "public_metadata.team"},
	}, cfg.Routes[0].ClaimHeaders)
	assert.Equal(t, []routes.ClaimHeader{}, cfg.Routes[1].ClaimHeaders, "none, whatever the environment says")
	assert.Nil(t, cfg.Routes[2].ClaimHeaders)
	assert.Contains(t, strings.Join(cfg.Routes[0].Asks(), "\n"),
		"the upstream gets of the session's claims X-Webauth-User (email), X-Forwarded-Email (email), X-User-Name ({first_name} {last_name}), X-Team (public_metadata.team)")
}

func TestParseClaimHeader(t *testing.T) {
	t.Parallel()
	h, err := routes.ParseClaimHeader(" x-user-name = {first_name} {last_name}")
	require.NoError(t, err)
	assert.Equal(t, routes.ClaimHeader{Name: "X-User-Name", Value: "{first_name} {last_name}"}, h)
	again, err := routes.ParseClaimHeader(h.String())
	require.NoError(t, err)
	assert.Equal(t, h, again)
	for text, want := range map[string]string{
		"X-Email":               `found "X-Email"; expected a header and the path of a claim, such as X-Forwarded-Email=email`,
		"X-Forwarded-Ssl=x":     `found the header "X-Forwarded-Ssl"; expected a header about the user, such as X-Forwarded-User, X-Forwarded-Email, X-WebAuth-User or Remote-User`,
		"=email":                `found the header ""; expected a name of letters, digits and hyphens, such as X-Forwarded-Email`,
		"X-Email=":              `found nothing; expected the path of a claim`,
		"X-T=unsafe_metadata.a": "Users write their unsafe_metadata themselves.",
	} {
		_, err := routes.ParseClaimHeader(text)
		require.Error(t, err, text)
		assert.Contains(t, err.Error(), want, text)
	}
}
