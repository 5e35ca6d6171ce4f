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
// when the server shuts down.
const closeTimeout = 3 * time.Second

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
	res.Header, res.Body = w.Header(), nil
	if err := errors.Join(res.Write(buffered), buffered.Flush()); err != nil {
		o.Err = err
		return
	}
	down := &closable{Writer: client}
	stop := context.AfterFunc(r.In.Context(), func() {
		time.AfterFunc(closeTimeout, func() { // has no effect if both are closed already
			_ = client.Close()
			_ = upstream.Close()
		})
		_ = down.GoAway() // if the client has gone, the join has ended too
	})
	defer stop()
	join(client, buffered.Reader, upstream, down)
}

// join copies both ways, and to the client through down. When one side stops sending, the
// other is told so and may finish what it is sending; when one direction fails, both end.
func join(client net.Conn, buffered *bufio.Reader, upstream io.ReadWriteCloser, down io.Writer) {
	back := make(chan struct{})
	go func() {
		defer close(back)
		end(client, upstream, relay(down, upstream))
	}()
	ahead, _ := buffered.Peek(buffered.Buffered()) // read before the switch
	_, err := upstream.Write(ahead)
	if err == nil {
		err = relay(upstream, client)
	}
	end(upstream, client, err)
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
