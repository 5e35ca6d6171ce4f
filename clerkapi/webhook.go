package clerkapi

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// WebhookTolerance is how far a webhook's timestamp may be from now, in both directions.
const WebhookTolerance = 5 * time.Minute

const (
	maxWebhookBody       = 1 << 20
	maxWebhookSignatures = 32 // a rotation of secrets needs two
)

// Errors of VerifyWebhook, for errors.Is. Respond with 400 to all except ErrWebhookSecret, which is a configuration error.
var (
	ErrWebhookSecret    = errors.New("webhook secret is not whsec_ followed by base64")
	ErrWebhookHeader    = errors.New("webhook header missing, repeated or malformed")
	ErrWebhookTimestamp = errors.New("webhook timestamp out of tolerance")
	ErrWebhookSignature = errors.New("webhook signature does not match")
	ErrWebhookBody      = errors.New("webhook body unreadable")
)

// WebhookEvent is an authentic webhook.
type WebhookEvent struct {
	MessageID string          `json:"-"`      // svix-id: the same on redelivery, so store it to act only once
	Timestamp time.Time       `json:"-"`      // svix-timestamp, when this delivery was sent
	Type      string          `json:"type"`   // e.g. "session.revoked"
	Object    string          `json:"object"` // "event"
	Data      json.RawMessage `json:"data"`   // the resource, which depends on Type

	// OccurredAt is the event's own time, the same on redelivery. Deliveries come in any order: compare this. Zero if the
	// body has none.
	OccurredAt time.Time              `json:"-"`
	InstanceID string                 `json:"instance_id"`      // "ins_…"; refuse events of another instance than yours
	Attributes WebhookEventAttributes `json:"event_attributes"` // zero if the body has none
}

// WebhookEventAttributes say what caused an event.
type WebhookEventAttributes struct {
	HTTPRequest WebhookHTTPRequest `json:"http_request"`
}

// WebhookHTTPRequest is the request to Clerk that caused an event.
type WebhookHTTPRequest struct {
	ClientIP  string `json:"client_ip"`
	UserAgent string `json:"user_agent"`
}

// UnmarshalJSON decodes the known members, by their exact names.
func (ev *WebhookEvent) UnmarshalJSON(data []byte) error {
	type plain WebhookEvent // without this method
	if err := decodeJSON(data, (*plain)(ev)); err != nil {
		return err
	}
	var own struct {
		Timestamp json.RawMessage `json:"timestamp"`
	}
	if err := decodeJSON(data, &own); err != nil {
		return err
	}
	ev.OccurredAt = eventTime(own.Timestamp)
	return nil
}

// eventTime reads the member timestamp: milliseconds by Clerk's documentation, seconds in its examples. What is neither
// is not a reason to refuse an authentic event.
func eventTime(raw json.RawMessage) time.Time {
	const firstMillis = 1e12 // in 2001, and as seconds in the year 33658
	var n float64
	if json.Unmarshal(raw, &n) != nil || n <= 0 || n > 1e15 {
		return time.Time{}
	}
	if n < firstMillis {
		n *= 1000
	}
	return time.UnixMilli(int64(n)).UTC()
}

// VerifyWebhook checks a webhook's signature with the endpoint's signing secret ("whsec_…"), then its time, and returns
// the event. body must be exactly the received body. Deliveries can be replayed within [WebhookTolerance] of now: store
// MessageID where acting twice would do harm.
func VerifyWebhook(secret string, header http.Header, body []byte, now time.Time) (*WebhookEvent, error) {
	event, err := verifyWebhook(secret, header, body, now)
	if err != nil {
		return nil, fmt.Errorf("clerkapi: verify webhook: %w", err)
	}
	return event, nil
}

// VerifyWebhookRequest reads the request's body, at most 1 MiB, and calls [VerifyWebhook]. For a longer body the error
// is ErrBodyTooLarge.
func VerifyWebhookRequest(secret string, r *http.Request, now time.Time) (*WebhookEvent, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxWebhookBody+1))
	if err != nil {
		return nil, fmt.Errorf("clerkapi: verify webhook: %w: %w", ErrWebhookBody, err)
	}
	if len(body) > maxWebhookBody {
		return nil, fmt.Errorf("clerkapi: verify webhook: %w", ErrBodyTooLarge)
	}
	return VerifyWebhook(secret, r.Header, body, now)
}

func verifyWebhook(secret string, header http.Header, body []byte, now time.Time) (*WebhookEvent, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil || len(key) == 0 {
		return nil, ErrWebhookSecret
	}
	id, err := webhookHeader(header, "Svix-Id")
	if err != nil {
		return nil, err
	}
	stamp, err := webhookHeader(header, "Svix-Timestamp")
	if err != nil {
		return nil, err
	}
	signatures, err := webhookHeader(header, "Svix-Signature")
	if err != nil {
		return nil, err
	}
	sent, err := parseStamp(stamp)
	if err != nil {
		return nil, err
	}
	if !anySignature(signatures, sign(key, id, stamp, body)) {
		return nil, ErrWebhookSignature
	}
	if d := now.Sub(sent); d > WebhookTolerance || d < -WebhookTolerance {
		return nil, ErrWebhookTimestamp
	}
	event := &WebhookEvent{MessageID: id, Timestamp: sent}
	// null is valid JSON too, and would decode to an empty event.
	if !bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")) {
		return nil, fmt.Errorf("%w: want an object", ErrWebhookBody)
	}
	if err := json.Unmarshal(body, event); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrWebhookBody, err)
	}
	return event, nil
}

// webhookHeader returns a header that must occur exactly once: of two, the sender may have signed the other.
func webhookHeader(h http.Header, name string) (string, error) {
	values := h.Values(name)
	if len(values) != 1 {
		return "", fmt.Errorf("%w: %s", ErrWebhookHeader, strings.ToLower(name))
	}
	value := strings.Trim(values[0], " \t") // HTTP's white space; anything else is part of the value
	if value == "" {
		return "", fmt.Errorf("%w: %s", ErrWebhookHeader, strings.ToLower(name))
	}
	return value, nil
}

// parseStamp accepts digits only, so that the signed text has one meaning.
func parseStamp(s string) (time.Time, error) {
	n, err := strconv.ParseUint(s, 10, 40) // 40 bits of seconds are enough until the year 36812
	if err != nil {
		return time.Time{}, fmt.Errorf("%w: svix-timestamp", ErrWebhookHeader)
	}
	return time.Unix(int64(n), 0).UTC(), nil
}

func sign(key []byte, id, stamp string, body []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + stamp + "."))
	mac.Write(body)
	return mac.Sum(nil)
}

// anySignature reports whether one of the signatures in header is want. Like Svix, it compares the encoded text, and
// only a space separates signatures.
func anySignature(header string, want []byte) bool {
	expected := []byte(base64.StdEncoding.EncodeToString(want))
	list := strings.SplitN(header, " ", maxWebhookSignatures+1)
	for _, one := range list[:min(len(list), maxWebhookSignatures)] {
		encoded, isV1 := strings.CutPrefix(one, "v1,")
		if isV1 && hmac.Equal([]byte(encoded), expected) {
			return true
		}
	}
	return false
}
