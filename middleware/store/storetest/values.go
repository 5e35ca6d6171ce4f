package storetest

import (
	"bytes"
	"context"
	"errors"
	"time"
)

func (s *suite) values() {
	key := s.name("key")
	_, found, err := s.Get(s.ctx, key)
	s.ok(err)
	s.want(!found, "Get found a value that nobody put")

	for _, value := range [][]byte{[]byte("one"), anyBytes(64 << 10), {0}, []byte("last")} {
		given := bytes.Clone(value)
		s.ok(s.Put(s.ctx, key, given, long))
		clear(given)
		got, found, err := s.Get(s.ctx, key)
		s.ok(err)
		s.want(found && bytes.Equal(got, value), "Get returned %d bytes (found: %t) that differ from the %d that Put was given", len(got), found, len(value))
		clear(got)
	}
	got, _, err := s.Get(s.ctx, key)
	s.ok(err)
	s.want(string(got) == "last", "a caller changed the stored value through the slice that it got")
}

func (s *suite) expiry() {
	key := s.name("key")
	s.ok(s.Put(s.ctx, key, []byte("value"), brief))
	s.soon(brief, func() bool { return s.absent(key) }, "the value should have expired")

	s.ok(s.Put(s.ctx, key, []byte("value"), brief))
	s.ok(s.Put(s.ctx, key, []byte("value"), long))
	other := s.name("other")
	s.ok(s.Put(s.ctx, other, []byte("value"), brief))
	s.soon(brief, func() bool { return s.absent(other) }, "the value should have expired")
	s.want(!s.absent(key), "a later Put with a longer time to live did not count")
}

func (s *suite) absent(key string) bool {
	s.Helper()
	_, found, err := s.Get(s.ctx, key)
	s.ok(err)
	return !found
}

func (s *suite) putIfAbsent() {
	key := s.name("key")
	wins := s.together(func() (bool, error) { return s.PutIfAbsent(s.ctx, key, []byte("first"), long) })
	s.want(wins == 1, "%d of %d callers of PutIfAbsent were told that they had put the value, instead of one", wins, callers)
	stored, err := s.PutIfAbsent(s.ctx, key, []byte("second"), long)
	s.ok(err)
	got, _, err := s.Get(s.ctx, key)
	s.ok(err)
	s.want(!stored && string(got) == "first", "PutIfAbsent replaced a value")

	key = s.name("brief")
	_, err = s.PutIfAbsent(s.ctx, key, []byte("first"), brief)
	s.ok(err)
	s.soon(brief, func() bool {
		stored, err := s.PutIfAbsent(s.ctx, key, []byte("second"), long)
		s.ok(err)
		return stored
	}, "PutIfAbsent should have put a value in place of an expired one")
}

func (s *suite) apart() {
	name := s.name("name")
	s.ok(s.Put(s.ctx, name, []byte("value"), long))
	claim, err := s.Claim(s.ctx, name, long)
	s.ok(err)
	s.want(claim.Fence > 0, "there is no lease to be had for a name that has a value")
	_, err = s.Publish(s.ctx, name, claim.Fence, []byte("result"), long)
	s.ok(err)
	s.ok(s.Append(s.ctx, name, []byte("entry"), long))

	value, _, err := s.Get(s.ctx, name)
	s.ok(err)
	claim, err = s.Claim(s.ctx, name, long)
	s.ok(err)
	entries, err := s.Read(s.ctx, name, "", 0)
	s.ok(err)
	s.want(string(value) == "value" && string(claim.Result) == "result" && len(entries) == 1 && string(entries[0].Value) == "entry",
		"a value, a result and a log of the same name were mixed up")
}

func (s *suite) contexts() {
	held := s.name("held")
	claim, err := s.Claim(s.ctx, held, long)
	s.ok(err)
	calls := map[string]func(context.Context) error{
		"Get":         func(ctx context.Context) error { _, _, err := s.Get(ctx, held); return err },
		"Put":         func(ctx context.Context) error { return s.Put(ctx, held, []byte("v"), long) },
		"PutIfAbsent": func(ctx context.Context) error { _, err := s.PutIfAbsent(ctx, held, []byte("v"), long); return err },
		"Claim":       func(ctx context.Context) error { _, err := s.Claim(ctx, held, long); return err },
		"Renew":       func(ctx context.Context) error { _, err := s.Renew(ctx, held, claim.Fence, long); return err },
		"Publish": func(ctx context.Context) error {
			_, err := s.Publish(ctx, held, claim.Fence, []byte("v"), long)
			return err
		},
		"Append": func(ctx context.Context) error { return s.Append(ctx, held, []byte("v"), long) },
		"Wait":   func(ctx context.Context) error { _, err := s.Wait(ctx, held, long); return err },
		"Read":   func(ctx context.Context) error { _, err := s.Read(ctx, s.name("nothing"), "", long); return err },
	}
	ended, cancel := context.WithCancel(s.ctx)
	cancel()
	for method, call := range calls {
		s.want(errors.Is(call(ended), context.Canceled), "%s did not return the error of a context that had ended", method)
	}
	for _, method := range []string{"Wait", "Read"} {
		ctx, cancel := context.WithCancel(s.ctx)
		time.AfterFunc(waiting, cancel)
		s.want(errors.Is(calls[method](ctx), context.Canceled), "%s did not return when its context was cancelled", method)
		ctx, cancel = context.WithTimeout(s.ctx, waiting)
		s.want(errors.Is(calls[method](ctx), context.DeadlineExceeded), "%s did not return at its deadline", method)
		cancel()
	}
}

// waiting is long enough for a call to have begun to wait, most of the time. If it has not,
// the test is easier to pass.
const waiting = 20 * time.Millisecond
