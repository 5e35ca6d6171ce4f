// Package users looks up Clerk's users, for the headers that an application gets where the
// session's claims lack a field.
//
// Guarantees:
//
//   - Only users of verified sessions are looked up, each once for all requests that wait,
//     so that strangers cause no calls.
//   - What is known of a user is used for [Options.TTL], and renewed before it is too old.
//   - A request waits for patience at most, and then goes on without the fields.
//   - An email address or phone number that is not verified is left out, and so are
//     private and unsafe metadata.
package users

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"golang.org/x/time/rate"

	"github.com/clerkgate/clerkgate/clerkapi"
	"github.com/clerkgate/clerkgate/internal/breaker"
	"github.com/clerkgate/clerkgate/internal/claimheader"
	"github.com/clerkgate/clerkgate/internal/guard"
	"github.com/clerkgate/clerkgate/internal/once"
)

const (
	// patience is how long a request waits for the look-up of a user who is not known yet.
	patience = 2 * time.Second
	// timeout bounds a look-up.
	timeout = 5 * time.Second
	// places is the largest number of look-ups in progress.
	places = 32
	// failedFor is how long a failed look-up of one user is not repeated.
	failedFor = time.Second
	// maxUsers and maxBytes bound what is known.
	maxUsers = 20_000
	maxBytes = 32 << 20
	// warnEvery is how often failures are logged at most.
	warnEvery = 10 * time.Second
)

// Options configure [Users]. All fields but Guard are required.
type Options struct {
	Client *clerkapi.Client
	// TTL is how old what is known of a user may become while Clerk can be asked.
	TTL    time.Duration
	Now    func() time.Time
	Logger *slog.Logger
	// Guard makes the calls, unless Clerk is known to be down; nil means one of its own.
	Guard *guard.Guard
}

// Users looks up users. It is safe for concurrent use.
type Users struct {
	opts   Options
	known  *once.Memory[string, record]
	places chan struct{}
	told   *rate.Limiter
}

// record is what is known of a user; nil if there is none, or none could be had.
type record struct {
	user  *claimheader.User
	size  int
	renew time.Time // when to look the user up again, if still in use
	until time.Time
}

// New returns a Users that knows nobody yet. It makes no network call.
func New(opts Options) (*Users, error) {
	known, err := once.New(once.Config[string, record]{
		Entries: maxUsers, Bytes: maxBytes, Size: func(id string, r record) int { return 200 + len(id) + r.size }, Timeout: timeout, Now: opts.Now,
	})
	if err != nil {
		return nil, err
	}
	if opts.Guard == nil {
		opts.Guard = guard.New(guard.Config{Breaker: breaker.Config{Now: opts.Now}})
	}
	return &Users{opts: opts, known: known, places: make(chan struct{}, places), told: rate.NewLimiter(rate.Every(warnEvery), 1)}, nil
}

// Get returns the user of a verified session; nil if the user is not known and Clerk does
// not answer soon.
func (u *Users) Get(ctx context.Context, id string) *claimheader.User {
	r, ok := u.known.Remembered(id)
	switch {
	case !ok:
		r, _ = u.known.DoWithin(ctx, id, patience, u.question(id, record{}))
	case !u.opts.Now().Before(r.renew) && !u.opts.Guard.Refuses():
		u.known.Renew(ctx, id, u.question(id, r))
	}
	return r.user
}

// Close ends look-ups in progress.
func (u *Users) Close() { u.known.Close() }

// question returns the function that looks a user up. If that fails, it returns what was
// known, for as long as that was to be used anyway.
func (u *Users) question(id string, known record) func(context.Context) (record, time.Time) {
	return func(ctx context.Context) (record, time.Time) {
		began := u.opts.Now() // what Clerk says may be as old as the call
		user, size, err := u.ask(ctx, id)
		if err == nil {
			r := record{user, size, began.Add(u.opts.TTL - u.opts.TTL/5), began.Add(u.opts.TTL)}
			return r, r.until
		}
		if u.told.AllowN(began, 1) {
			u.opts.Logger.WarnContext(ctx, "user look-up failed; headers that need it are left out", "user_id", id, "error", err)
		}
		again := began.Add(failedFor)
		if known.user == nil || !again.Before(known.until) {
			return record{renew: again, until: again}, again
		}
		known.renew = again
		return known, known.until
	}
}

var errPaused = errors.New("too many look-ups are in progress, or have failed")

// ask looks a user up. A user that does not exist is nil without an error.
func (u *Users) ask(ctx context.Context, id string) (user *claimheader.User, size int, err error) {
	select {
	case u.places <- struct{}{}:
		defer func() { <-u.places }()
	default:
		return nil, 0, errPaused
	}
	var found *clerkapi.User
	_, made := u.opts.Guard.Call(ctx, func() (response *clerkapi.Response, _ error) {
		found, response, err = u.opts.Client.GetUser(ctx, id)
		return response, err
	})
	switch {
	case !made:
		return nil, 0, errPaused
	case errors.Is(err, clerkapi.ErrNotFound):
		return nil, 0, nil
	case err != nil:
		return nil, 0, err
	}
	fields, err := fieldsOf(found)
	return claimheader.NewUser(fields), len(fields), err
}

// fieldsOf returns the fields that headers may have, as an object.
func fieldsOf(user *clerkapi.User) (json.RawMessage, error) {
	var more struct {
		PhoneNumbers []struct {
			ID           string                 `json:"id"`
			PhoneNumber  string                 `json:"phone_number"`
			Verification *clerkapi.Verification `json:"verification"`
		} `json:"phone_numbers"`
	}
	if err := json.Unmarshal(user.Raw, &more); err != nil {
		return nil, err
	}
	fields := map[string]any{
		"id": user.ID, "username": user.Username, "first_name": user.FirstName, "last_name": user.LastName,
		"image_url": user.ImageURL, "external_id": user.ExternalID,
	}
	if len(user.PublicMetadata) > 0 {
		fields["public_metadata"] = user.PublicMetadata
	}
	for _, e := range user.EmailAddresses {
		if user.PrimaryEmailAddressID != nil && e.ID == *user.PrimaryEmailAddressID && isVerified(e.Verification) {
			fields["email"] = e.EmailAddress
		}
	}
	for _, n := range more.PhoneNumbers {
		if user.PrimaryPhoneNumberID != nil && n.ID == *user.PrimaryPhoneNumberID && isVerified(n.Verification) {
			fields["phone"] = n.PhoneNumber
		}
	}
	return json.Marshal(fields)
}

// isVerified reports whether the user has shown that an address is theirs. Otherwise it
// could be somebody else's.
func isVerified(v *clerkapi.Verification) bool { return v != nil && v.Status == "verified" }
