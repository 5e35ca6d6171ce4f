package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/clerkgate/clerkgate/middleware/store"
)

const (
	// connectEach is the pause between attempts to connect for the first time; it grows to
	// connectSeldom.
	connectEach   = 100 * time.Millisecond
	connectSeldom = 2 * time.Second
	// readMost is how many entries of a log are read at once.
	readMost = 1000
)

// Store is a [store.Store] in Redis.
type Store struct {
	option  rueidis.ClientOption
	scripts scripts

	tried  chan struct{} // closed when the first attempt to connect has ended
	mu     sync.Mutex
	client rueidis.Client // nil until it has connected for the first time
	failed error          // why it has not

	closing context.Context // is done once the store is closed
	end     context.CancelFunc
	work    sync.WaitGroup
}

var _ store.Store = (*Store)(nil)

// New returns a store at a URL of the forms in the package comment. The error says what is
// wrong with the URL or with a file that it names; that no server is there is none. Close the
// store when it is no longer needed.
func New(url string) (*Store, error) {
	option, err := parse(url)
	if err != nil {
		return nil, err
	}
	s := &Store{option: option, scripts: newScripts(), tried: make(chan struct{}), failed: errors.New("it was closed before")}
	s.closing, s.end = context.WithCancel(context.Background())
	s.work.Go(s.connect)
	return s, nil
}

// Close closes all connections. Calls in progress fail.
func (s *Store) Close() {
	s.end()
	s.work.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client != nil {
		s.client.Close()
	}
}

// connect goes on trying until a client was made. From then on the client itself connects
// anew when that is necessary.
func (s *Store) connect() {
	ended := sync.OnceFunc(func() { close(s.tried) })
	defer ended()
	for pause := connectEach; s.closing.Err() == nil; pause = min(2*pause, connectSeldom) {
		client, err := rueidis.NewClient(s.option)
		if err != nil && client != nil { // it is returned although there is no server
			client.Close()
			client = nil
		}
		s.mu.Lock()
		s.client, s.failed = client, err
		s.mu.Unlock()
		ended()
		if err == nil {
			return
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-s.closing.Done():
			timer.Stop()
		}
	}
}

// connected returns the client. The first calls wait until an attempt to connect has ended:
// without that, each start would find that the store fails.
func (s *Store) connected(ctx context.Context) (rueidis.Client, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case <-s.tried:
	case <-ctx.Done():
		return nil, fmt.Errorf("redisstore: not connected yet: %w", ctx.Err())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client == nil {
		return nil, fmt.Errorf("redisstore: not connected: %w", s.failed)
	}
	return s.client, nil
}

// Get is [store.Store.Get].
func (s *Store) Get(ctx context.Context, key string) (value []byte, found bool, err error) {
	c, err := s.connected(ctx)
	if err != nil {
		return nil, false, err
	}
	value, err = c.Do(ctx, c.B().Get().Key(valueKey(key)).Build()).AsBytes()
	if rueidis.IsRedisNil(err) {
		return nil, false, nil
	}
	return value, err == nil, failure("get", err)
}

// Put is [store.Store.Put].
func (s *Store) Put(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	c, err := s.connected(ctx)
	if err != nil {
		return err
	}
	set := c.B().Set().Key(valueKey(key)).Value(rueidis.BinaryString(value)).PxMilliseconds(milliseconds(ttl)).Build()
	return failure("put", c.Do(ctx, set).Error())
}

// PutIfAbsent is [store.Store.PutIfAbsent].
func (s *Store) PutIfAbsent(ctx context.Context, key string, value []byte, ttl time.Duration) (stored bool, err error) {
	c, err := s.connected(ctx)
	if err != nil {
		return false, err
	}
	set := c.B().Set().Key(valueKey(key)).Value(rueidis.BinaryString(value)).Nx().PxMilliseconds(milliseconds(ttl)).Build()
	err = c.Do(ctx, set).Error()
	if rueidis.IsRedisNil(err) {
		return false, nil
	}
	return err == nil, failure("put if absent", err)
}

// Claim is [store.Store.Claim].
func (s *Store) Claim(ctx context.Context, key string, lease time.Duration) (store.Claim, error) {
	reply, err := s.run(ctx, s.scripts.claim, []string{lockKey(key), fenceKey(key), resultKey(key)}, text(lease), text(max(store.FenceLife, 2*lease))).ToArray()
	if err != nil {
		return store.Claim{}, failure("claim", err)
	}
	if len(reply) == 2 {
		result, err := reply[1].AsBytes()
		return store.Claim{Result: result}, failure("claim", err)
	}
	if len(reply) != 1 {
		return store.Claim{}, fmt.Errorf("redisstore: claim: reply of %d parts", len(reply))
	}
	fence, err := reply[0].AsUint64()
	return store.Claim{Fence: fence}, failure("claim", err)
}

// Renew is [store.Store.Renew].
func (s *Store) Renew(ctx context.Context, key string, fence uint64, lease time.Duration) (held bool, err error) {
	n, err := s.run(ctx, s.scripts.renew, []string{lockKey(key)}, strconv.FormatUint(fence, 10), text(lease)).AsInt64()
	return n == 1, failure("renew", err)
}

// Publish is [store.Store.Publish].
func (s *Store) Publish(ctx context.Context, key string, fence uint64, result []byte, ttl time.Duration) (published bool, err error) {
	n, err := s.run(ctx, s.scripts.publish, []string{lockKey(key), resultKey(key)}, strconv.FormatUint(fence, 10), rueidis.BinaryString(result), text(ttl)).AsInt64()
	return n == 1, failure("publish", err)
}

// Wait is [store.Store.Wait].
func (s *Store) Wait(ctx context.Context, key string, patience time.Duration) (result []byte, err error) {
	entries, err := s.read(ctx, resultKey(key), "0", 1, patience)
	if err != nil || len(entries) == 0 {
		return nil, failure("wait", err)
	}
	return []byte(entries[0].FieldValues[resultField]), nil
}

// Append is [store.Store.Append].
func (s *Store) Append(ctx context.Context, log string, entry []byte, keep time.Duration) error {
	return failure("append", s.run(ctx, s.scripts.append, []string{logKey(log)}, rueidis.BinaryString(entry), text(keep)).Error())
}

// Read is [store.Store.Read].
func (s *Store) Read(ctx context.Context, log, after string, patience time.Duration) ([]store.Entry, error) {
	if after == "" {
		after = "0"
	}
	read, err := s.read(ctx, logKey(log), after, readMost, patience)
	if err != nil {
		return nil, failure("read", err)
	}
	entries := make([]store.Entry, len(read))
	for i, e := range read {
		entries[i] = store.Entry{Position: e.ID, Value: []byte(e.FieldValues[entryField])}
	}
	return entries, nil
}

// read returns the entries of a stream behind a position.
func (s *Store) read(ctx context.Context, key, after string, most int64, patience time.Duration) ([]rueidis.XRangeEntry, error) {
	c, err := s.connected(ctx)
	if err != nil {
		return nil, err
	}
	count := c.B().Xread().Count(most)
	command := count.Streams().Key(key).Id(after).Build()
	if patience > 0 {
		// A waiter that leaves would otherwise go on waiting, on a connection of its own.
		command = c.B().Xread().Count(most).Block(milliseconds(patience)).Streams().Key(key).Id(after).Build().UnblockOnCancel()
	}
	streams, err := c.Do(ctx, command).AsXRead()
	if rueidis.IsRedisNil(err) {
		return nil, nil
	}
	return streams[key], err
}

// run runs a script.
func (s *Store) run(ctx context.Context, script *rueidis.Lua, keys []string, args ...string) rueidis.RedisResult {
	c, err := s.connected(ctx)
	if err != nil {
		return rueidis.NewErrorResult(err)
	}
	return script.Exec(ctx, c, keys, args)
}

// failure says what failed.
func failure(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("redisstore: %s: %w", what, err)
}

// milliseconds rounds up, since Redis knows no time of zero.
func milliseconds(d time.Duration) int64 {
	return max(1, int64((d+time.Millisecond-1)/time.Millisecond))
}

func text(d time.Duration) string { return strconv.FormatInt(milliseconds(d), 10) }
