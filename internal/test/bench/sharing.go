package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/clerkgate/clerkgate/internal/revocation"
	"github.com/clerkgate/clerkgate/internal/shared"
	"github.com/clerkgate/clerkgate/middleware/store/redisstore"
)

const (
	// sharedLog is the name of the log that replicas share.
	sharedLog = "log"
	// lookAgain is the pause between looks whether the log was read. Each is a request, so it is long.
	lookAgain = 2 * time.Second
	// deniedFor is how long revocations are kept.
	deniedFor = time.Hour
)

// launchSharing starts clerkgate with a Redis server that holds revocations of so many
// sessions, the last of them that of the last token.
func launchSharing(denied int) func(b *bench, listen string) (env, argv []string, err error) {
	return func(b *bench, listen string) (env, argv []string, err error) {
		if err := needTools("redis-server"); err != nil {
			return nil, nil, err
		}
		ctx := context.Background()
		address, err := freeAddress(ctx)
		if err != nil {
			return nil, nil, err
		}
		_, port, _ := strings.Cut(address, ":")
		server, err := start(ctx, loadCore, nil, "redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no")
		if err != nil {
			return nil, nil, err
		}
		b.servers = append(b.servers, server)
		url := "redis://" + address
		if err := b.deny(ctx, url, denied); err != nil {
			return nil, nil, err
		}
		return append(b.environment(listen, "127.0.0.1:0", "off"), "CLERKGATE_STORE="+url), []string{b.clerkgate}, nil
	}
}

// deny appends revocations to the log, as another replica does.
func (b *bench) deny(ctx context.Context, url string, sessions int) error {
	redis, err := redisstore.New(url)
	if err != nil {
		return err
	}
	defer redis.Close()
	host := strings.TrimPrefix(issuer, "https://")
	replica, err := shared.New(shared.Config{Store: redis, Instance: host, Secret: secretKey})
	if err != nil {
		return err
	}
	defer replica.Close()
	log := replica.Log(sharedLog, deniedFor)
	for deadline := time.Now().Add(time.Minute); replica.Check(ctx) != nil; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			return errors.New("redis-server does not answer")
		}
	}
	for i := range sessions {
		id := newID("sess")
		if i == sessions-1 {
			id = b.deniedSession().id
		}
		entry := revocation.Entry{Kind: revocation.Session, ID: id, At: time.Now()}.Append(nil)
		err := log.Append(ctx, entry)
		for again := 1; err != nil && again < 100; again++ { // on a busy machine the server is slow at times
			time.Sleep(lookAgain / 10)
			err = log.Append(ctx, entry)
		}
		if err != nil {
			return fmt.Errorf("append a revocation: %w", err)
		}
	}
	return nil
}

// deniedSession is the session that is denied, if any is; no other request is made with it.
func (b *bench) deniedSession() session { return b.credentials.sessions[tokens-1] }

// settleSharing returns a function that returns once clerkgate has read the log: the denied
// session gets 401.
func settleSharing(denied int) func(ctx context.Context, b *bench, address string) error {
	return func(ctx context.Context, b *bench, address string) error {
		if denied == 0 {
			return nil
		}
		return b.awaitDenied(ctx, address)
	}
}

func (b *bench) awaitDenied(ctx context.Context, address string) error {
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address, nil)
		if err != nil {
			return err
		}
		r.Header.Set("Authorization", "Bearer "+b.deniedSession().token)
		res, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			return err
		}
		_ = res.Body.Close()
		if res.StatusCode == http.StatusUnauthorized {
			return nil
		}
		select {
		case <-time.After(lookAgain):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
