package clerkapi_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi"
)

// CVE-2025-53548, GHSA-9mp4-77wg-rwx9 (@clerk/backend): webhooks whose signature
// did not fit were accepted. A replay is the caller's to see: the id is the same.
func TestCVE_2025_53548_WebhookSignatures(t *testing.T) {
	t.Parallel()
	raw := strings.TrimPrefix(hookSig, "v1,")
	for name, signature := range map[string]string{
		"empty": "v1,", "tag alone": "v1", "no tag": raw, "other tag": "v2," + raw, "upper case tag": "V1," + raw, "two tags": "v1,v1," + raw,
		"truncated": "v1," + raw[:20], "one byte short": "v1," + raw[:len(raw)-2] + "==", "longer": "v1," + raw + "AA", "other": "v1," + strings.Repeat("A", len(raw)-1) + "=",
		"other case": "v1," + strings.ToLower(raw), "several, none fits": "v1,AAAA v2," + raw + " v1a," + raw, "joined by comma": "v1,AAAA,v1," + raw,
	} {
		e, err := clerkapi.VerifyWebhook(hookSecret, hookHeader(hookID, hookStamp, signature), []byte(hookBody), hookTime)
		require.Error(t, err, name)
		assert.Nil(t, e, name)
	}
	good := hookHeader(hookID, hookStamp, hookSig)
	for _, at := range []time.Duration{-5*time.Minute - time.Second, 5*time.Minute + time.Second, 24 * time.Hour} {
		_, err := clerkapi.VerifyWebhook(hookSecret, good, []byte(hookBody), hookTime.Add(at))
		require.ErrorIs(t, err, clerkapi.ErrWebhookTimestamp)
	}
	for range 2 {
		e, err := clerkapi.VerifyWebhook(hookSecret, good, []byte(hookBody), hookTime)
		require.NoError(t, err)
		assert.Equal(t, hookID, e.MessageID)
	}
}
