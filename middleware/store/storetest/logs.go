package storetest

import (
	"bytes"
	"fmt"
	"time"

	"github.com/clerkgate/clerkgate/middleware/store"
)

func (s *suite) log() {
	log := s.name("log")
	for i := range 5 {
		entry := fmt.Appendf(nil, "entry %d", i)
		s.ok(s.Append(s.ctx, log, entry, long))
		clear(entry)
	}
	s.ok(s.Append(s.ctx, s.name("other"), anyBytes(4<<10), long))

	all := s.read(log, "", 5)
	for i, e := range all {
		s.want(string(e.Value) == fmt.Sprintf("entry %d", i), "entry %d of the log is %q", i, e.Value)
		if i < 4 {
			rest := s.read(log, e.Position, 4-i)
			s.want(bytes.Equal(rest[0].Value, all[i+1].Value), "what is behind entry %d begins with %q", i, rest[0].Value)
		}
	}
	other := s.read(s.name("other"), "", 1)
	s.want(bytes.Equal(other[0].Value, anyBytes(4<<10)), "an entry was not returned as it was appended")
}

// read returns n entries behind a position, and fails if there are more.
func (s *suite) read(log, after string, n int) (entries []store.Entry) {
	s.Helper()
	for len(entries) < n {
		some, err := s.Read(s.ctx, log, after, 0)
		s.ok(err)
		s.want(len(some) > 0, "behind entry %d of %d nothing was read", len(entries), n)
		entries = append(entries, some...)
		after = some[len(some)-1].Position
	}
	s.want(len(entries) == n, "the log has %d entries, not %d", len(entries), n)
	return entries
}

func (s *suite) follow() {
	log := s.name("log")
	read := make(chan store.Entry)
	go func() {
		defer close(read)
		for after := ""; ; {
			entries, err := s.Read(s.ctx, log, after, long)
			if err != nil {
				return
			}
			for _, e := range entries {
				read <- e
				if after = e.Position; string(e.Value) == "2" {
					return
				}
			}
		}
	}()
	for i := range 3 {
		time.Sleep(waiting)
		s.ok(s.Append(s.ctx, log, fmt.Append(nil, i), long))
		select {
		case e := <-read:
			s.want(string(e.Value) == fmt.Sprint(i), "Read returned %q where entry %d was appended", e.Value, i)
		case <-time.After(patience):
			s.Fatal("Read did not return after an entry was appended")
		}
	}
}

func (s *suite) nothingYet() {
	log := s.name("log")
	for _, patience := range []time.Duration{0, waiting} {
		entries, err := s.Read(s.ctx, log, "", patience)
		s.ok(err)
		s.want(len(entries) == 0, "Read returned an entry that nobody appended")
	}
	s.ok(s.Append(s.ctx, log, []byte("entry"), long))
	last := s.read(log, "", 1)[0].Position
	entries, err := s.Read(s.ctx, log, last, waiting)
	s.ok(err)
	s.want(len(entries) == 0, "Read returned an entry behind the last one")
}

func (s *suite) longLog() {
	log := s.name("log")
	const n = 5000
	for i := range n {
		s.ok(s.Append(s.ctx, log, fmt.Append(nil, i), long))
	}
	for i, e := range s.read(log, "", n) {
		s.want(string(e.Value) == fmt.Sprint(i), "entry %d of the log is %q", i, e.Value)
	}
}

func (s *suite) trim() {
	log := s.name("log")
	s.ok(s.Append(s.ctx, log, []byte("old"), long))
	old := s.read(log, "", 1)[0]
	var left []store.Entry
	s.soon(brief, func() bool {
		s.ok(s.Append(s.ctx, log, []byte("new"), brief))
		s.ok(s.Append(s.ctx, log, []byte("last"), long))
		var err error
		left, err = s.Read(s.ctx, log, "", 0)
		s.ok(err)
		return string(left[0].Value) != "old"
	}, "an entry that is older than the log keeps should have been removed")
	s.want(string(left[len(left)-1].Value) == "last", "an entry was removed that is young enough")
	rest, err := s.Read(s.ctx, log, old.Position, 0)
	s.ok(err)
	s.want(len(rest) == len(left), "behind the position of an entry that was removed are %d entries, and %d in all", len(rest), len(left))
}
