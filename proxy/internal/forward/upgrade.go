package forward

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/clerkgate/clerkgate/proxy/internal/answer"
)

var (
	errUnaskedUpgrade = errors.New("the upstream switched protocols without being asked to")
	errNoUpgrade      = errors.New("the connection cannot be switched to another protocol")
)

// closeTimeout is how long a client may take to answer the close frame that it is sent
// when the server shuts down, or its session has ended.
const closeTimeout = 3 * time.Second

// cutPatience is how long an upstream may take to accept the close frame of a client that is
// cut off, before the client is told.
const cutPatience = 500 * time.Millisecond

// upgrade completes a switch to WebSocket: it joins the two connections until one side
// ends. When the request's context ends, the client is sent a close frame,
// and both connections are closed after closeTimeout at the latest.
func (u *Upstream) upgrade(w http.ResponseWriter, r *Request, res *http.Response, o *answer.Outcome) {
	upstream, ok := res.Body.(io.ReadWriteCloser)
	if !ok || !isWebSocket(r.out.Header) || !isWebSocket(res.Header) {
		_ = res.Body.Close()
		u.failed(w, r.In, o, errUnaskedUpgrade)
		return
	}
	defer upstream.Close()
	copyHeader(w.Header(), res, r.NoStore)
	w.Header()["Connection"], w.Header()["Upgrade"] = []string{"Upgrade"}, []string{"websocket"}
	client, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		clear(w.Header())
		u.failed(w, r.In, o, errors.Join(errNoUpgrade, err))
		return
	}
	defer client.Close()
	// The server's deadlines were for a request; this connection may be silent for as
	// long as both sides want.
	if err := client.SetDeadline(time.Time{}); err != nil {
		o.Err = err
		return
	}
	t := &tunnel{client: client, upstream: upstream, down: closable{Writer: client}, up: closable{Writer: upstream}}
	t.down.mu.Lock() // no close frame comes before the response
	watched := r.watchWebSocket(t)
	defer func() {
		if watched.over() != 0 {
			o.Err = errSessionEnded
		}
	}()
	res.Header, res.Body = w.Header(), nil
	err = errors.Join(res.Write(buffered), buffered.Flush())
	t.down.mu.Unlock()
	if err != nil {
		o.Err = err
		return
	}
	stop := context.AfterFunc(r.In.Context(), func() { t.end(goingAway) })
	defer stop()
	t.join(buffered.Reader)
}

// tunnel is the two connections of a WebSocket.
type tunnel struct {
	client   net.Conn
	upstream io.ReadWriteCloser
	down, up closable
}

// end sends the client a close frame, and closes both connections after closeTimeout at the
// latest.
func (t *tunnel) end(frame string) {
	time.AfterFunc(closeTimeout, func() { // has no effect if both are closed already
		_ = t.client.Close()
		_ = t.upstream.Close()
	})
	_ = t.down.End(frame) // if the client has gone, the join has ended too
}

// cut is end for a client that must not do one more thing: what it sends is discarded. The
// upstream is told first, since a client that has been told may close the connection; but if
// the upstream takes nothing, the client does not wait for it.
func (t *tunnel) cut(why Ending) {
	t.up.Cut()
	frame := why.closeFrame()
	told := make(chan struct{})
	go func() {
		defer close(told)
		_ = t.up.End(masked(frame))
	}()
	patience := time.NewTimer(cutPatience)
	defer patience.Stop()
	select {
	case <-told:
	case <-patience.C:
	}
	t.end(frame)
	<-told // the connections are closed after closeTimeout at the latest
}

// join copies both ways. When one side stops sending, the other is told so and may finish
// what it is sending; when one direction fails, both end.
func (t *tunnel) join(buffered *bufio.Reader) {
	back := make(chan struct{})
	go func() {
		defer close(back)
		end(t.client, t.upstream, relay(&t.down, t.upstream))
	}()
	ahead, _ := buffered.Peek(buffered.Buffered()) // read before the switch
	_, err := t.up.Write(ahead)
	if err == nil {
		err = relay(&t.up, t.client)
	}
	end(t.upstream, t.client, err)
	<-back
}

// end tells dst that src sends no more, or closes both.
func end(dst, src io.Closer, err error) {
	if half, ok := dst.(interface{ CloseWrite() error }); ok && err == nil && half.CloseWrite() == nil {
		return
	}
	_ = dst.Close()
	_ = src.Close()
}
