package clerktest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// TB is the part of [testing.TB] that [NewServer] uses. It keeps package testing out of programs that import this
// package.
type TB interface {
	Helper()
	Cleanup(func())
	Fatalf(format string, args ...any)
}

// Server is a [Clerk] that listens on a loopback port over plain http.
type Server struct {
	*Clerk
	URL string // http://127.0.0.1:<port>, no trailing slash

	http   *http.Server
	cancel context.CancelFunc
	served chan struct{} // closed when the accept loop ends

	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup // handlers
}

// NewServer starts a server and closes it at the end of the test. If tb is nil, it panics instead of failing the test,
// and the caller must close the server.
func NewServer(tb TB, opts Options) *Server {
	if tb != nil {
		tb.Helper()
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // binding a loopback port does not wait
	if err != nil {
		if tb == nil {
			panic(fmt.Sprintf("clerktest: listen: %v", err))
		}
		tb.Fatalf("clerktest: listen: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &Server{
		Clerk: New(opts), URL: "http://" + listener.Addr().String(), cancel: cancel, served: make(chan struct{}),
	}
	s.http = &http.Server{
		Handler:           http.HandlerFunc(s.serve),
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       time.Minute,
	}
	go func() {
		defer close(s.served)
		if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("clerk stopped listening", "error", err)
		}
	}()
	if tb != nil {
		tb.Cleanup(s.Close)
	}
	return s
}

// Close stops the server and waits until all handlers have returned; requests that a fault holds are released. Calling it
// twice is harmless.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	_ = s.http.Close() // the sockets are gone either way
	<-s.served
	s.running.Wait()
	s.Clerk.Close()
}

// serve counts handlers, so that Close can wait for them.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		panic(http.ErrAbortHandler)
	}
	s.running.Add(1)
	s.mu.Unlock()
	defer s.running.Done()
	s.Clerk.ServeHTTP(w, r)
}
