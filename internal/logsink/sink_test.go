package logsink_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/logsink"
)

func closed(t *testing.T, s *logsink.Sink) {
	t.Helper()
	require.NoError(t, s.Close(t.Context()))
}

func TestLinesComeInOrder(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := logsink.New(&out)
	var want strings.Builder
	for i := range 3000 {
		line := fmt.Sprintf("line %d %s\n", i, strings.Repeat("x", i%7000))
		want.WriteString(line)
		n, err := io.WriteString(s, line)
		require.NoError(t, err)
		require.Equal(t, len(line), n)
		if want.Len() > 900<<10 {
			break
		}
	}
	closed(t, s)
	assert.Equal(t, want.String(), out.String())
}

// atOnce notes the size of each write.
type atOnce struct {
	mu    sync.Mutex
	sizes []int
}

func (w *atOnce) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sizes = append(w.sizes, len(p))
	return len(p), nil
}

func (w *atOnce) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.sizes)
}

// Several writers share a pipe: what is written in pieces no larger than PIPE_BUF stays
// whole.
func TestWritesAreWholeLinesThatAPipeTakesAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		s := logsink.New(w)
		_, _ = s.Write([]byte("first\n"))
		time.Sleep(time.Second) // it hangs in the pipe, so that the rest comes in one batch
		for range 1000 {
			_, _ = s.Write([]byte(strings.Repeat("x", 99) + "\n"))
		}
		long := strings.Repeat("y", 10_000) + "\n"
		_, _ = io.WriteString(s, long+"z")
		sizes := &atOnce{}
		reading := make(chan struct{})
		go func() {
			defer close(reading)
			_, _ = io.CopyBuffer(struct{ io.Writer }{sizes}, struct{ io.Reader }{r}, make([]byte, 64<<10))
		}()
		closed(t, s)
		_ = w.Close()
		<-reading
		assert.Equal(t, len("first\n"), sizes.sizes[0])
		for _, n := range sizes.sizes[1:] {
			assert.True(t, n%100 == 0 && n <= 4096 || n == len(long) || n == 1, n)
		}
	})
}

func TestWhatFindsNoRoomIsCounted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		s := logsink.New(w)
		s.SetNotice(func(n int) []byte { return fmt.Appendf(nil, "lost=%d\n", n) })
		_, _ = s.Write([]byte("first\n"))
		time.Sleep(time.Second) // nobody reads
		line := strings.Repeat("x", 1023) + "\n"
		for range 1024 + 500 {
			_, _ = io.WriteString(s, line)
		}
		var got []string
		scanner := bufio.NewScanner(r)
		for len(got) < 1+1024+1 && scanner.Scan() {
			got = append(got, scanner.Text())
		}
		assert.Equal(t, "first", got[0])
		assert.Equal(t, "lost=500", got[len(got)-1])
		_, _ = s.Write([]byte("later\n"))
		require.True(t, scanner.Scan())
		assert.Equal(t, "later", scanner.Text(), "a loss is told once")
		closed(t, s)
	})
}

func TestCloseWaitsNoLongerThanItIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		s := logsink.New(w)
		_, _ = s.Write([]byte("nobody reads this\n"))
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		require.ErrorIs(t, s.Close(ctx), context.DeadlineExceeded)
		assert.Equal(t, 2*time.Second, time.Since(began))
		_ = r.Close()
		n, err := s.Write([]byte("too late\n"))
		assert.Equal(t, 9, n)
		assert.NoError(t, err)
	})
}

// failing fails while it is told to, after having written a part.
type failing struct {
	mu      sync.Mutex
	err     error
	partial int
	out     bytes.Buffer
}

func (f *failing) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		return f.out.Write(p)
	}
	n, _ := f.out.Write(p[:min(f.partial, len(p))])
	return n, f.err
}

func (f *failing) set(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

func TestAFullDisk(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		disk := &failing{err: syscall.ENOSPC, partial: 4}
		s := logsink.New(disk)
		for range 3 {
			_, _ = s.Write([]byte("one\ntwo\n"))
			time.Sleep(time.Second)
		}
		disk.set(nil)
		_, _ = s.Write([]byte("room again\n"))
		closed(t, s)
		assert.Equal(t, "one\none\none\nroom again\nlog lines lost, because they could not be written: 3\n", disk.out.String())
		written, lost := s.Counts()
		assert.Equal(t, [2]uint64{4, 3}, [2]uint64{written, lost})
	})
}

func TestALossIsToldAtTheEndAtTheLatest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		disk := &failing{err: syscall.ENOSPC}
		s := logsink.New(disk)
		_, _ = s.Write([]byte("lost\n"))
		time.Sleep(time.Second)
		disk.set(nil)
		closed(t, s)
		assert.Equal(t, "log lines lost, because they could not be written: 1\n", disk.out.String())
	})
}

// Lines that come one after another share a write, and nobody waits long for one.
func TestLinesAreWrittenTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var writes atOnce
		s := logsink.New(&writes)
		for range 30 {
			_, _ = s.Write([]byte("a line\n"))
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Second)
		assert.LessOrEqual(t, writes.count(), 2)
		began := time.Now()
		for range 300 {
			_, _ = s.Write([]byte(strings.Repeat("x", 1023) + "\n"))
		}
		synctest.Wait()
		assert.Greater(t, writes.count(), 2, "much is written at once")
		assert.Equal(t, began, time.Now())
		closed(t, s)
		written, lost := s.Counts()
		assert.Equal(t, [2]uint64{330, 0}, [2]uint64{written, lost})
	})
}

// A pipe as a shell makes it: first nobody reads it, then its reader goes away.
func TestARealPipe(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer func() { _ = w.Close() }()
	s := logsink.New(w)
	var writers sync.WaitGroup
	for range 8 {
		writers.Go(func() {
			for range 2000 {
				_, err := io.WriteString(s, strings.Repeat("x", 199)+"\n")
				assert.NoError(t, err)
			}
		})
	}
	writers.Wait() // 3.2 MB, and nobody reads
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, s.Close(ctx), context.DeadlineExceeded)
	require.NoError(t, r.Close())
	closed(t, s)
}

func BenchmarkWrite(b *testing.B) {
	s := logsink.New(io.Discard)
	line := []byte(strings.Repeat("x", 199) + "\n")
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			_, _ = s.Write(line)
		}
	})
	_ = s.Close(b.Context())
}
