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

// upgrade finishes a switch to WebSocket: the two connections are joined until
// one side ends, or the request's context does.
func (u *Upstream) upgrade(w http.ResponseWriter, r *Request, res *http.Response, o *answer.Outcome) {
	upstream, ok := res.Body.(io.ReadWriteCloser)
	if !ok || !isWebSocket(r.out.Header) || !isWebSocket(res.Header) {
		_ = res.Body.Close()
		failed(w, r.In, o, errUnaskedUpgrade)
		return
	}
	defer upstream.Close()
	copyHeader(w.Header(), res, r.NoStore)
	w.Header()["Connection"], w.Header()["Upgrade"] = []string{"Upgrade"}, []string{"websocket"}
	client, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		clear(w.Header())
		failed(w, r.In, o, errors.Join(errNoUpgrade, err))
		return
	}
	defer client.Close()
	// The server's deadlines were for a request; this connection may be silent for
	// as long as both sides like.
	if err := client.SetDeadline(time.Time{}); err != nil {
		o.Err = err
		return
	}
	res.Header, res.Body = w.Header(), nil
	if err := errors.Join(res.Write(buffered), buffered.Flush()); err != nil {
		o.Err = err
		return
	}
	stop := context.AfterFunc(r.In.Context(), func() {
		_ = client.Close()
		_ = upstream.Close()
	})
	defer stop()
	join(client, buffered.Reader, upstream)
}

// join copies both ways. When one direction comes to its end, the other side is
// told so and may still finish what it is sending; when one fails, both end.
func join(client net.Conn, buffered *bufio.Reader, upstream io.ReadWriteCloser) {
	back := make(chan struct{})
	go func() {
		defer close(back)
		end(client, upstream, relay(client, upstream))
	}()
	ahead, _ := buffered.Peek(buffered.Buffered()) // read before the switch
	_, err := upstream.Write(ahead)
	if err == nil {
		err = relay(upstream, client)
	}
	end(upstream, client, err)
	<-back
}

// end tells dst that src has come to its end, or ends both.
func end(dst, src io.Closer, err error) {
	if half, ok := dst.(interface{ CloseWrite() error }); ok && err == nil && half.CloseWrite() == nil {
		return
	}
	_ = dst.Close()
	_ = src.Close()
}
