package clerktest

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	maxDeliveries    = 1024 // in the queue, and in the record
	webhookTimeout   = 15 * time.Second
	webhookRetryWait = 100 * time.Millisecond // in real time; Svix waits 5 s and then longer
	webhookAttempts  = 3
)

// Webhook is an endpoint that receives events, signed as Svix does.
type Webhook struct {
	URL    string // http or https
	Secret string // "whsec_" and base64; generated if empty
	// Events are those to send, of session.created, session.pending, session.ended, session.removed,
	// session.revoked and user.deleted. Empty means all.
	Events []string
}

// Delivery is an event that is being sent or has been sent to a webhook.
type Delivery struct {
	ID       string // svix-id, the same at each attempt
	URL      string
	Event    string
	Body     []byte
	Attempts int
	Status   int // of the last response; 0 if there was none

	secret string
}

// outbox sends events in order, one at a time, from a goroutine that runs while there is something to send.
type outbox struct {
	client *http.Client

	mu        sync.Mutex
	endpoints []Webhook
	queue     []*Delivery
	sent      []*Delivery
	cancel    context.CancelFunc
	idle      chan struct{} // closed when the goroutine ends; nil if none runs
	closed    bool
}

func (wh Webhook) validate() error {
	u, err := url.Parse(wh.URL)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return errors.New("webhook: URL: want an http or https URL")
	}
	if _, err := wh.key(); err != nil {
		return fmt.Errorf("webhook: %w", err)
	}
	for _, event := range wh.Events {
		if !slices.Contains(webhookEvents(), event) {
			return fmt.Errorf("webhook: Events: %q is not one of %s", event, strings.Join(webhookEvents(), ", "))
		}
	}
	return nil
}

func webhookEvents() []string {
	return []string{
		"session.created", "session.pending", "session.ended", "session.removed", "session.revoked", "user.deleted",
	}
}

func (wh Webhook) key() ([]byte, error) {
	if wh.Secret == "" {
		return nil, nil
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(wh.Secret, "whsec_"))
	if err != nil || len(key) == 0 {
		return nil, errors.New("secret: want whsec_ and base64") // without the value
	}
	return key, nil
}

// AddWebhook adds an endpoint for events from now on, and returns it with its secret. It panics if the webhook is invalid.
func (c *Clerk) AddWebhook(w Webhook) Webhook {
	if err := w.validate(); err != nil {
		panic("clerktest: " + err.Error())
	}
	if w.Secret == "" {
		w.Secret = "whsec_" + base64.StdEncoding.EncodeToString([]byte(randomWord(24)))
	}
	w.Events = slices.Clone(w.Events)
	c.outbox.mu.Lock()
	defer c.outbox.mu.Unlock()
	c.outbox.endpoints = append(c.outbox.endpoints, w)
	return w
}

// Webhooks returns the endpoints with their secrets, in the order in which they were added.
func (c *Clerk) Webhooks() []Webhook {
	c.outbox.mu.Lock()
	defer c.outbox.mu.Unlock()
	return slices.Clone(c.outbox.endpoints)
}

// Deliveries waits until all events so far have been delivered or given up, and returns the last 1024. An event is sent
// up to three times, with the same id, until the endpoint responds with 2xx.
func (c *Clerk) Deliveries() []Delivery {
	c.outbox.mu.Lock()
	idle := c.outbox.idle
	c.outbox.mu.Unlock()
	if idle != nil {
		<-idle
	}
	c.outbox.mu.Lock()
	defer c.outbox.mu.Unlock()
	deliveries := make([]Delivery, len(c.outbox.sent))
	for i, d := range c.outbox.sent {
		deliveries[i] = *d
	}
	return deliveries
}

// Close drops the events that have not been sent to webhooks, and waits for a delivery in progress to end. An instance
// without webhooks need not be closed. [Server.Close] calls it.
func (c *Clerk) Close() {
	c.outbox.mu.Lock()
	c.outbox.closed, c.outbox.queue = true, nil
	idle := c.outbox.idle
	if c.outbox.cancel != nil {
		c.outbox.cancel()
	}
	c.outbox.mu.Unlock()
	if idle != nil {
		<-idle
	}
}

// Emit sends an event to the webhooks that want it, signed as Clerk's own. The local Clerk itself has only the events of
// sessions and of deleted users; this is for all others. data must encode to JSON.
func (c *Clerk) Emit(event string, data any) { c.emit(event, data) }

// emitSession queues an event about a session. The caller holds c.mu.
func (c *Clerk) emitSession(event string, s *session) {
	if !c.outbox.wanted(event) {
		return
	}
	c.emit(event, show(c.webhookView(), sessionFields(), s))
}

func (c *Clerk) emit(event string, data any) {
	body, err := json.Marshal(object{
		"object": "event", "type": event, "timestamp": c.Now().UnixMilli(), "instance_id": c.instanceID, "data": data,
	})
	if err != nil {
		panic(fmt.Sprintf("clerktest: encode event: %v", err)) // our own values always encode
	}
	o := &c.outbox
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return
	}
	for _, w := range o.endpoints {
		if w.wants(event) && len(o.queue) < maxDeliveries {
			o.queue = append(o.queue, &Delivery{ID: newID("msg"), URL: w.URL, Event: event, Body: body, secret: w.Secret})
		}
	}
	if len(o.queue) > 0 && o.idle == nil {
		ctx, cancel := context.WithCancel(context.Background())
		o.cancel, o.idle = cancel, make(chan struct{})
		go c.deliver(ctx)
	}
}

func (wh Webhook) wants(event string) bool {
	return len(wh.Events) == 0 || slices.Contains(wh.Events, event)
}

func (ob *outbox) wanted(event string) bool {
	ob.mu.Lock()
	defer ob.mu.Unlock()
	return slices.ContainsFunc(ob.endpoints, func(w Webhook) bool { return w.wants(event) })
}

// deliver empties the queue.
func (c *Clerk) deliver(ctx context.Context) {
	o := &c.outbox
	for {
		o.mu.Lock()
		if len(o.queue) == 0 {
			o.cancel()
			close(o.idle)
			o.idle, o.cancel = nil, nil
			o.mu.Unlock()
			o.client.CloseIdleConnections()
			return
		}
		d := o.queue[0]
		o.queue = o.queue[1:]
		o.mu.Unlock()

		for d.Attempts < webhookAttempts && (d.Attempts == 0 || sleep(ctx, webhookRetryWait)) {
			d.Attempts++
			if d.Status = c.post(ctx, d); d.Status/100 == 2 {
				break
			}
		}
		c.log.DebugContext(ctx, "clerk webhook", "event", d.Event, "status", d.Status, "attempts", d.Attempts)

		o.mu.Lock()
		if len(o.sent) == maxDeliveries {
			o.sent = slices.Delete(o.sent, 0, 1)
		}
		o.sent = append(o.sent, d)
		o.mu.Unlock()
	}
}

// post makes one attempt and returns the status, or 0 if there is no response.
func (c *Clerk) post(ctx context.Context, d *Delivery) int {
	ctx, cancel := context.WithTimeout(ctx, webhookTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.URL, bytes.NewReader(d.Body))
	if err != nil {
		return 0
	}
	stamp := strconv.FormatInt(c.Now().Unix(), 10)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Svix-Webhooks/1.0 (clerktest)")
	req.Header.Set("Svix-Id", d.ID)
	req.Header.Set("Svix-Timestamp", stamp)
	req.Header.Set("Svix-Signature", svixSignature(d.secret, d.ID, stamp, d.Body))
	resp, err := c.outbox.client.Do(req)
	if err != nil {
		return 0
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

func svixSignature(secret, id, stamp string, body []byte) string {
	key, err := Webhook{Secret: secret}.key()
	if err != nil {
		panic("clerktest: " + err.Error()) // AddWebhook has checked it
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + stamp + "."))
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// webhookClient returns a client that does not follow redirects, which Svix counts as failures.
func webhookClient() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
