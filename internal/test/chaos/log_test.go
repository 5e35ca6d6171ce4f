//go:build linux

package chaos

import (
	"bufio"
	"net/http"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/test/kit"
)

// nobodyReads logs into a pipe that is full after some hundred lines.
func nobodyReads(t *testing.T, c contender, header string) result {
	reader, writer, err := os.Pipe()
	require.NoError(t, err)
	defer reader.Close()
	return logged(t, c, header, writer, func(*crowd) {})
}

// readerLeaves is clerkgate 2>&1 | head -1.
func readerLeaves(t *testing.T, c contender, header string) result {
	reader, writer, err := os.Pipe()
	require.NoError(t, err)
	left := make(chan struct{})
	go func() {
		_, _ = bufio.NewReaderSize(reader, 16).ReadString('\n')
		_ = reader.Close()
		close(left)
	}()
	return logged(t, c, header, writer, func(them *crowd) {
		them.load(1) // a line each
		<-left
	})
}

// logged sends requests to a contender whose log is a pipe, looks whether clerkgate's
// probes are answered, and ends it.
func logged(t *testing.T, c contender, header string, log *os.File, first func(*crowd)) result {
	t.Helper()
	a := newApp(t, "")
	p := start(t, c, a.address, log)
	require.NoError(t, log.Close())
	them := newCrowd(8, p.address, header, c.patience)
	defer them.close()
	first(them)
	them.load(200) // some 300 KB of log, of which a pipe takes 64
	if p.probes != "" {
		for _, probe := range []string{"/healthz", "/readyz"} {
			assert.Equal(t, http.StatusOK, kit.Get(t, "http://"+p.probes+probe).StatusCode)
		}
	}
	got := them.result()
	got.twice = a.twice()
	if ended := p.ends(); c.name == clerkgate {
		assert.True(t, ended, "SIGTERM does not end it")
	}
	return got
}
