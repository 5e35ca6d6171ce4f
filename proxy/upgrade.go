package proxy

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"time"
)

var (
	errUnaskedUpgrade = errors.New("the upstream switched protocols without being asked to")
	errNoUpgrade      = errors.New("the connection cannot be switched to another protocol")
)

// upgrade finishes a switch to WebSocket: the two connections are joined until
// one side ends, or the request's context does.
func (u *upstream) upgrade(w http.ResponseWriter, r, out *http.Request, res *http.Response, ps *passage) {
	upstream, ok := res.Body.(io.ReadWriteCloser)
	if !ok || !isWebSocket(out.Header) || !isWebSocket(res.Header) {
		_ = res.Body.Close()
		upstreamFailed(w, r, ps, errUnaskedUpgrade)
		return
	}
	defer upstream.Close()
	copyAnswerHeader(w.Header(), res, ps)
	w.Header()["Connection"], w.Header()["Upgrade"] = []string{"Upgrade"}, []string{"websocket"}
	client, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		clear(w.Header())
		upstreamFailed(w, r, ps, errors.Join(errNoUpgrade, err))
		return
	}
	defer client.Close()
	// The server's deadlines were for a request; this connection may be silent for
	// as long as both sides like.
	if err := client.SetDeadline(time.Time{}); err != nil {
		ps.outcome.Err = err
		return
	}
	res.Header, res.Body = w.Header(), nil
	if err := errors.Join(res.Write(buffered), buffered.Flush()); err != nil {
		ps.outcome.Err = err
		return
	}
	stop := context.AfterFunc(r.Context(), func() {
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

// The sizes of a relay's buffers, in bytes. Most connections are silent most of the
// time, and there may be many: only one that has much to say gets the large one.
const (
	smallRelayBuffer = 2 << 10
	largeRelayBuffer = 32 << 10
)

// relay copies until src ends.
func relay(dst io.Writer, src io.Reader) error {
	small := make([]byte, smallRelayBuffer)
	buffer := small
	for {
		n, err := src.Read(buffer)
		if n > 0 {
			if _, err := dst.Write(buffer[:n]); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case n == smallRelayBuffer && len(buffer) == smallRelayBuffer:
			buffer = make([]byte, largeRelayBuffer)
		case n <= smallRelayBuffer:
			buffer = small
		}
	}
}
