package clerktest_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
)

func TestSignInByEmailCode(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	f := setup(t, clerktest.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	query := "?__clerk_db_jwt=" + f.do(http.MethodPost, "/v1/dev_browser", "").json(t)["id"].(string)
	begun := f.form("/v1/client/sign_ins"+query, url.Values{"identifier": {"jane@example.com"}}).json(t)["response"].(map[string]any)
	path := "/v1/client/sign_ins/" + begun["id"].(string)
	factor := begun["supported_first_factors"].([]any)[1].(map[string]any)
	assert.Equal(t, "email_code", factor["strategy"])
	code := func(code string) answer {
		return f.form(path+"/attempt_first_factor"+query, url.Values{"strategy": {"email_code"}, "code": {code}})
	}
	prepare := func(strategy, address string) answer {
		return f.form(path+"/prepare_first_factor"+query, url.Values{"strategy": {strategy}, "email_address_id": {address}})
	}

	assert.Equal(t, "verification_missing", code("424242").code())
	assert.Equal(t, "form_param_value_invalid", prepare("phone_code", "").code())
	assert.Equal(t, "form_resource_not_found", prepare("email_code", "idn_x").code())
	prepared := prepare("email_code", factor["email_address_id"].(string))
	require.Equal(t, http.StatusOK, prepared.StatusCode, "%s", prepared.body)
	verification := prepared.json(t)["response"].(map[string]any)["first_factor_verification"].(map[string]any)
	assert.Equal(t, "unverified", verification["status"])
	assert.Contains(t, log.String(), "code=424242")

	assert.Equal(t, "form_param_missing", code("").code())
	assert.Equal(t, "form_code_incorrect", code("000000").code())
	f.Advance(10 * time.Minute)
	assert.Equal(t, "verification_expired", code(clerktest.EmailCode).code())
	prepare("email_code", "")
	done := code(clerktest.EmailCode).json(t)
	assert.Equal(t, "complete", done["response"].(map[string]any)["status"])
	client := done["client"].(map[string]any)
	assert.Equal(t, "email_code", client["last_authentication_strategy"])
	assert.Len(t, client["sessions"], 1)
}
