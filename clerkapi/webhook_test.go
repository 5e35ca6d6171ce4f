package clerkapi_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi"
)

const (
	hookSecret = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	hookID     = "msg_2fact000000000000000000001"
	hookStamp  = "1767225600"
	hookBody   = `{"type":"session.revoked","object":"event"}`
	hookSig    = "v1,EtChWbpCqBdxcSy/P2yb5mCpWGOZCEftcOHNdebLqD4="
)

var hookTime = time.Unix(1767225600, 0) // the vector's time

func hookHeader(id, stamp, signature string) http.Header {
	h := http.Header{}
	h.Set("svix-id", id)
	h.Set("svix-timestamp", stamp)
	h.Set("svix-signature", signature)
	return h
}

func TestVerifyWebhookVectors(t *testing.T) {
	t.Parallel()
	e, err := clerkapi.VerifyWebhook(hookSecret, hookHeader(hookID, hookStamp, hookSig), []byte(hookBody), hookTime)
	require.NoError(t, err)
	assert.Equal(t, &clerkapi.WebhookEvent{MessageID: hookID, Timestamp: hookTime.UTC(), Type: "session.revoked", Object: "event"}, e)

	svix := hookHeader("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
	_, err = clerkapi.VerifyWebhook("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", svix, []byte(`{"test": 2432232314}`), time.Unix(1614265330, 0))
	require.NoError(t, err)
}

// signed makes a header whose signature is right for the body.
func signed(t testing.TB, stamp, body string) http.Header {
	t.Helper()
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(hookSecret, "whsec_"))
	require.NoError(t, err)
	mac := hmac.New(sha256.New, key)
	_, _ = io.WriteString(mac, hookID+"."+stamp+"."+body)
	return hookHeader(hookID, stamp, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}

func TestVerifyWebhook(t *testing.T) {
	t.Parallel()
	good := hookHeader(hookID, hookStamp, hookSig)
	twice := good.Clone()
	twice.Add("Svix-Id", hookID)
	missing := good.Clone()
	missing.Del("Svix-Timestamp")
	cases := []struct {
		name   string
		secret string
		header http.Header
		body   string
		at     time.Time
		want   error
	}{
		{"good", hookSecret, good, hookBody, hookTime, nil},
		{"without prefix", strings.TrimPrefix(hookSecret, "whsec_"), good, hookBody, hookTime, nil},
		{"spaces", hookSecret, hookHeader(" "+hookID+" ", hookStamp+" ", " "+hookSig), hookBody, hookTime, nil},
		{"second signature", hookSecret, hookHeader(hookID, hookStamp, "v1,AAAA v2,x v1a,y "+hookSig), hookBody, hookTime, nil},
		{"oldest", hookSecret, good, hookBody, hookTime.Add(5 * time.Minute), nil},
		{"newest", hookSecret, good, hookBody, hookTime.Add(-5 * time.Minute), nil},
		{"too old", hookSecret, good, hookBody, hookTime.Add(5*time.Minute + 1), clerkapi.ErrWebhookTimestamp},
		{"too new", hookSecret, good, hookBody, hookTime.Add(-5*time.Minute - 1), clerkapi.ErrWebhookTimestamp},
		{"far future", hookSecret, signed(t, "1099511627775", hookBody), hookBody, hookTime, clerkapi.ErrWebhookTimestamp},
		{"empty secret", "", good, hookBody, hookTime, clerkapi.ErrWebhookSecret},
		{"empty key", "whsec_", good, hookBody, hookTime, clerkapi.ErrWebhookSecret},
		{"secret not base64", "whsec_planted", good, hookBody, hookTime, clerkapi.ErrWebhookSecret},
		{"other secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", good, hookBody, hookTime, clerkapi.ErrWebhookSignature},
		{"changed body", hookSecret, good, hookBody + " ", hookTime, clerkapi.ErrWebhookSignature},
		{"changed id", hookSecret, hookHeader("msg_x", hookStamp, hookSig), hookBody, hookTime, clerkapi.ErrWebhookSignature},
		{"moved stamp", hookSecret, hookHeader(hookID, "1767225601", hookSig), hookBody, hookTime, clerkapi.ErrWebhookSignature},
		{"leading zero", hookSecret, hookHeader(hookID, "01767225600", hookSig), hookBody, hookTime, clerkapi.ErrWebhookSignature},
		{"unknown version", hookSecret, hookHeader(hookID, hookStamp, "v2"+hookSig[2:]), hookBody, hookTime, clerkapi.ErrWebhookSignature},
		{"no version", hookSecret, hookHeader(hookID, hookStamp, hookSig[3:]), hookBody, hookTime, clerkapi.ErrWebhookSignature},
		{"empty signature", hookSecret, hookHeader(hookID, hookStamp, "v1,"), hookBody, hookTime, clerkapi.ErrWebhookSignature},
		{"too many signatures", hookSecret, hookHeader(hookID, hookStamp, strings.Repeat("v1,AAAA ", 32)+hookSig), hookBody, hookTime, clerkapi.ErrWebhookSignature},
		{"fraction", hookSecret, hookHeader(hookID, hookStamp+".5", hookSig), hookBody, hookTime, clerkapi.ErrWebhookHeader},
		{"negative", hookSecret, hookHeader(hookID, "-1", hookSig), hookBody, hookTime, clerkapi.ErrWebhookHeader},
		{"huge", hookSecret, hookHeader(hookID, "99999999999999999999", hookSig), hookBody, hookTime, clerkapi.ErrWebhookHeader},
		{"missing stamp", hookSecret, missing, hookBody, hookTime, clerkapi.ErrWebhookHeader},
		{"blank id", hookSecret, hookHeader(" ", hookStamp, hookSig), hookBody, hookTime, clerkapi.ErrWebhookHeader},
		{"blank signature", hookSecret, hookHeader(hookID, hookStamp, ""), hookBody, hookTime, clerkapi.ErrWebhookHeader},
		{"two ids", hookSecret, twice, hookBody, hookTime, clerkapi.ErrWebhookHeader},
		{"no JSON", hookSecret, signed(t, hookStamp, "x"), "x", hookTime, clerkapi.ErrWebhookBody},

		// What Svix's own library (npm svix 1.x) says to these was seen by running it.
		{"two spaces between signatures", hookSecret, hookHeader(hookID, hookStamp, "v1,AAAA  "+hookSig), hookBody, hookTime, nil},
		{"tab in front of the signature", hookSecret, hookHeader(hookID, hookStamp, "v1,AAAA\t"+hookSig), hookBody, hookTime, clerkapi.ErrWebhookSignature},
		{"tab behind the signature", hookSecret, hookHeader(hookID, hookStamp, hookSig+"\tv1,AAAA"), hookBody, hookTime, clerkapi.ErrWebhookSignature},
		{"no-break space in front of the signature", hookSecret, hookHeader(hookID, hookStamp, "v1,AAAA\u00a0"+hookSig), hookBody, hookTime, clerkapi.ErrWebhookSignature},
		{"vertical tab in front of the signature", hookSecret, hookHeader(hookID, hookStamp, "v1,AAAA\v"+hookSig), hookBody, hookTime, clerkapi.ErrWebhookSignature},
		{"line end inside the signature", hookSecret, hookHeader(hookID, hookStamp, hookSig[:9]+"\n"+hookSig[9:]), hookBody, hookTime, clerkapi.ErrWebhookSignature},
		{"same bytes by other base64", hookSecret, hookHeader(hookID, hookStamp, strings.Replace(hookSig, "D4=", "D5=", 1)), hookBody, hookTime, clerkapi.ErrWebhookSignature},
		{"signature without padding", hookSecret, hookHeader(hookID, hookStamp, strings.TrimSuffix(hookSig, "=")), hookBody, hookTime, clerkapi.ErrWebhookSignature},
		{"no-break space before the id", hookSecret, hookHeader("\u00a0"+hookID, hookStamp, hookSig), hookBody, hookTime, clerkapi.ErrWebhookSignature},
		{"vertical tab behind the stamp", hookSecret, hookHeader(hookID, hookStamp+"\v", hookSig), hookBody, hookTime, clerkapi.ErrWebhookHeader},
		{"null", hookSecret, signed(t, hookStamp, "null"), "null", hookTime, clerkapi.ErrWebhookBody},
		{"null in spaces", hookSecret, signed(t, hookStamp, " null\n"), " null\n", hookTime, clerkapi.ErrWebhookBody},
		{"array", hookSecret, signed(t, hookStamp, "[]"), "[]", hookTime, clerkapi.ErrWebhookBody},
		{"array of an event", hookSecret, signed(t, hookStamp, "["+hookBody+"]"), "[" + hookBody + "]", hookTime, clerkapi.ErrWebhookBody},
		{"number", hookSecret, signed(t, hookStamp, "7"), "7", hookTime, clerkapi.ErrWebhookBody},
		{"text", hookSecret, signed(t, hookStamp, `"x"`), `"x"`, hookTime, clerkapi.ErrWebhookBody},
		{"true", hookSecret, signed(t, hookStamp, "true"), "true", hookTime, clerkapi.ErrWebhookBody},
		{"empty", hookSecret, signed(t, hookStamp, ""), "", hookTime, clerkapi.ErrWebhookBody},
		{"two events", hookSecret, signed(t, hookStamp, hookBody+hookBody), hookBody + hookBody, hookTime, clerkapi.ErrWebhookBody},
		{"type of another type", hookSecret, signed(t, hookStamp, `{"type":7}`), `{"type":7}`, hookTime, clerkapi.ErrWebhookBody},
		{"object in spaces", hookSecret, signed(t, hookStamp, " "+hookBody+"\n"), " " + hookBody + "\n", hookTime, nil},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			e, err := clerkapi.VerifyWebhook(tc.secret, tc.header, []byte(tc.body), tc.at)
			if tc.want == nil {
				require.NoError(t, err)
				assert.Equal(t, hookID, e.MessageID)
				return
			}
			require.ErrorIs(t, err, tc.want)
			assert.Nil(t, e)
			noSecrets(t, err.Error())
		})
	}
}

func TestWebhookEventMembers(t *testing.T) {
	t.Parallel()
	const event = `{"object":"event","type":"session.revoked","data":{"id":"sess_1"},%s
		"event_attributes":{"http_request":{"client_ip":"203.0.113.7","user_agent":"Mozilla/5.0"}},"instance_id":"ins_1"}`
	at := time.UnixMilli(1767225655123).UTC()
	for timestamp, want := range map[string]time.Time{
		`"timestamp":1767225655123,`:     at,
		`"timestamp":1.767225655123e12,`: at,
		`"timestamp":1767225655,`:        at.Truncate(time.Second),
		`"timestamp":1767225655.123,`:    at,
		`"timestamp":null,`:              {},
		`"timestamp":"soon",`:            {},
		`"timestamp":-1,`:                {},
		`"timestamp":1e300,`:             {},
		`"Timestamp":1767225655123,`:     {},
		"":                               {},
	} {
		body := fmt.Sprintf(event, timestamp)
		e, err := clerkapi.VerifyWebhook(hookSecret, signed(t, hookStamp, body), []byte(body), hookTime)
		require.NoError(t, err, timestamp)
		assert.Equal(t, want, e.OccurredAt, timestamp)
		assert.Equal(t, hookTime.UTC(), e.Timestamp, timestamp)
		assert.Equal(t, "ins_1", e.InstanceID)
		assert.Equal(t, clerkapi.WebhookHTTPRequest{ClientIP: "203.0.113.7", UserAgent: "Mozilla/5.0"}, e.Attributes.HTTPRequest)
		assert.JSONEq(t, `{"id":"sess_1"}`, string(e.Data))
	}
}

func TestVerifyWebhookRequest(t *testing.T) {
	t.Parallel()
	req := func(body io.Reader) *http.Request {
		r := httptest.NewRequest(http.MethodPost, "/hooks", body)
		r.Header = hookHeader(hookID, hookStamp, hookSig)
		return r
	}
	e, err := clerkapi.VerifyWebhookRequest(hookSecret, req(strings.NewReader(hookBody)), hookTime)
	require.NoError(t, err)
	assert.Equal(t, "session.revoked", e.Type)

	_, err = clerkapi.VerifyWebhookRequest(hookSecret, req(io.LimitReader(&endless{}, 1<<20+1)), hookTime)
	require.ErrorIs(t, err, clerkapi.ErrBodyTooLarge)
	_, err = clerkapi.VerifyWebhookRequest(hookSecret, req(errReader{}), hookTime)
	require.ErrorIs(t, err, clerkapi.ErrWebhookBody)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
}
