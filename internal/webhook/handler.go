package webhook

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/time/rate"

	"github.com/clerkgate/clerkgate/clerkapi"
	"github.com/clerkgate/clerkgate/internal/revocation"
)

const (
	// maxBody bounds one body. Those of users with as much metadata as Clerk allows have
	// less than a tenth of it.
	maxBody = 512 << 10
	// maxBodies bounds what has arrived of all bodies at one time: anybody may send some.
	maxBodies = 64 << 20
	// maxSeen is how many handled events are remembered. They take about 2 MB.
	maxSeen = 20_000
	// SeenFor is how long a handled event is remembered: longer than Clerk sends it again.
	SeenFor = 36 * time.Hour
	// refusalInterval is how often a refusal is logged at most, since anybody can cause
	// one.
	refusalInterval = 10 * time.Second
	// instanceInterval is how often Clerk is asked which instance this is, until it says.
	instanceInterval = 10 * time.Second
)

// Config configures a [Handler]. All fields are required, unless they say otherwise.
type Config struct {
	// Secrets are the signing secrets of the endpoint, whsec_…: more than one while one
	// takes the place of another.
	Secrets []string
	// Instance asks Clerk for the id of the instance whose events are expected; nil accepts
	// any. Events are accepted while it fails: they are signed for this endpoint.
	Instance func(context.Context) (string, error)
	// Record records revocations. It returns nil once they cannot be lost.
	Record func(context.Context, ...revocation.Entry) error
	// Seen reports whether another replica has handled the event with an id, and Saw tells
	// them that this one has; nil where there is none.
	Seen func(ctx context.Context, id string) bool
	Saw  func(ctx context.Context, id string)

	Now    func() time.Time
	Logger *slog.Logger
}

// Handler receives webhooks. It is safe for concurrent use.
type Handler struct {
	Config
	gathering gathering
	bodies    atomic.Int64 // bytes of bodies that are held
	told      *rate.Limiter

	mu   sync.Mutex
	seen *simplelru.LRU[string, time.Time] // when an event was handled

	asking   chan struct{} // holds what follows; a mutex that a context can end the wait for
	instance string        // "" until it is known
	ask      time.Time     // when to ask Clerk again
}

// New returns a handler. The error says which secret is not one.
func New(c Config) (*Handler, error) {
	if len(c.Secrets) == 0 {
		return nil, errors.New("no signing secret")
	}
	for i, secret := range c.Secrets {
		if !ValidSecret(secret) {
			return nil, fmt.Errorf("signing secret %d: %w", i+1, clerkapi.ErrWebhookSecret)
		}
	}
	h := &Handler{Config: c, told: rate.NewLimiter(rate.Every(refusalInterval), 1), gathering: gathering{record: c.Record}, asking: make(chan struct{}, 1)}
	var err error
	h.seen, err = simplelru.NewLRU[string, time.Time](maxSeen, nil)
	return h, err
}

// ValidSecret reports whether a signing secret has the form of one.
func ValidSecret(secret string) bool {
	_, err := clerkapi.VerifyWebhook(secret, nil, nil, time.Time{})
	return !errors.Is(err, clerkapi.ErrWebhookSecret)
}

// ServeHTTP responds with 204 to events that were handled, and to those that concern
// nobody's tokens.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	status, err := http.StatusMethodNotAllowed, error(nil)
	if r.Method == http.MethodPost {
		status, err = h.receive(r)
	}
	if err != nil && h.told.AllowN(h.Now(), 1) {
		h.Logger.WarnContext(r.Context(), "webhook refused", "status", status, "error", err)
	}
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	switch status {
	case http.StatusMethodNotAllowed:
		header.Set("Allow", http.MethodPost)
	case http.StatusServiceUnavailable:
		header.Set("Retry-After", "5")
	}
	w.WriteHeader(status)
}

// receive handles a delivery and returns the status that tells the sender so. The error is
// for the log.
func (h *Handler) receive(r *http.Request) (status int, err error) {
	ctx := r.Context()
	body, done, err := h.read(r.Body)
	defer done()
	switch {
	case errors.Is(err, clerkapi.ErrBodyTooLarge):
		return http.StatusRequestEntityTooLarge, err
	case errors.Is(err, errBusy):
		return http.StatusServiceUnavailable, err
	case err != nil:
		return http.StatusBadRequest, nil // the sender has gone
	}
	ev, err := h.verify(r.Header, body)
	if err != nil {
		return http.StatusBadRequest, err
	}
	if h.handled(ev.MessageID) || h.Seen != nil && h.Seen(ctx, ev.MessageID) {
		return http.StatusNoContent, nil
	}
	if h.isForeign(ctx, ev.InstanceID) {
		return http.StatusForbidden, fmt.Errorf("it is an event of another Clerk instance, %q", ev.InstanceID)
	}
	e, concerns, err := revocationOf(ev, h.Now())
	switch {
	case err != nil:
		return http.StatusUnprocessableEntity, fmt.Errorf("%s: %w", ev.Type, err)
	case concerns:
		if err := h.record(ctx, e); err != nil {
			return http.StatusServiceUnavailable, fmt.Errorf("record %s: %w", ev.Type, err)
		}
		h.Logger.DebugContext(ctx, "webhook handled", "event", ev.Type, "lag", h.Now().Sub(e.At))
	}
	h.handle(ctx, ev.MessageID)
	return http.StatusNoContent, nil
}

var errBusy = errors.New("too many webhooks at one time")

// read reads a body. done must be called when it is no longer needed.
func (h *Handler) read(from io.Reader) (body []byte, done func(), err error) {
	counted := &countedReader{from: io.LimitReader(from, maxBody+1), all: &h.bodies}
	body, err = io.ReadAll(counted)
	if err == nil && len(body) > maxBody {
		err = clerkapi.ErrBodyTooLarge
	}
	return body, func() { h.bodies.Add(-counted.n) }, err
}

// countedReader fails if too much has arrived of all bodies.
type countedReader struct {
	from io.Reader
	all  *atomic.Int64
	n    int64
}

func (c *countedReader) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.n += int64(n)
	if c.all.Add(int64(n)) > maxBodies {
		return n, errBusy
	}
	return n, err
}

// verify returns the event if one of the secrets has signed it. The error holds nothing of
// the body.
func (h *Handler) verify(header http.Header, body []byte) (ev *clerkapi.WebhookEvent, err error) {
	for _, secret := range h.Secrets {
		ev, err = clerkapi.VerifyWebhook(secret, header, body, h.Now())
		if !errors.Is(err, clerkapi.ErrWebhookSignature) {
			break
		}
	}
	if errors.Is(err, clerkapi.ErrWebhookBody) {
		return nil, clerkapi.ErrWebhookBody
	}
	return ev, err
}

func (h *Handler) record(ctx context.Context, e revocation.Entry) error {
	switch e.Kind {
	case revocation.Organization, revocation.Role, revocation.Permission:
		return h.gathering.add(ctx, e)
	}
	return h.Record(ctx, e)
}

func (h *Handler) handled(id string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	at, ok := h.seen.Get(id)
	return ok && h.Now().Sub(at) < SeenFor
}

// handle remembers an event once its revocation is recorded: before, a failure would make
// the next attempt a duplicate.
func (h *Handler) handle(ctx context.Context, id string) {
	h.mu.Lock()
	h.seen.Add(id, h.Now())
	h.mu.Unlock()
	if h.Saw != nil {
		h.Saw(ctx, id)
	}
}

// isForeign reports whether an event is known to be of another instance. The wrong secret
// may have been copied, such as that of the development instance.
func (h *Handler) isForeign(ctx context.Context, id string) bool {
	if h.Instance == nil || id == "" {
		return false
	}
	own := h.ownInstance(ctx)
	return own != "" && id != own
}

// ownInstance returns the id of the instance whose events are expected, or "" if Clerk does
// not say. Events that come while Clerk is asked wait for the answer.
func (h *Handler) ownInstance(ctx context.Context) string {
	select {
	case h.asking <- struct{}{}:
	case <-ctx.Done():
		return ""
	}
	defer func() { <-h.asking }()
	if now := h.Now(); h.instance == "" && !now.Before(h.ask) {
		h.ask = now.Add(instanceInterval)
		own, err := h.Instance(ctx)
		if err != nil {
			h.Logger.WarnContext(ctx, "Clerk did not say which instance this is; webhooks are accepted by their signature alone", "error", err)
		}
		h.instance = own
	}
	return h.instance
}
