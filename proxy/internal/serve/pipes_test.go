package serve

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// pipes is a listener whose connections are in memory, so that their deadlines
// are of synctest's clock.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

func (p *pipes) dial() net.Conn {
	client, server := net.Pipe()
	p.conns <- server
	return client
}

// readAnswer reads one answer off a connection.
func readAnswer(t testing.TB, r *bufio.Reader) (*http.Response, string) {
	t.Helper()
	res, err := http.ReadResponse(r, nil)
	require.NoError(t, err)
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res, string(body)
}

// frames speaks HTTP/2 frame by frame. What the server sends is read all the time
// and handed on by stream, as the tests ask.
type frames struct {
	*http2.Framer
	conn   net.Conn
	events chan frameEvent
	encode *hpack.Encoder
	block  blockBuffer
}

// frameEvent is what a test may wait for: a frame without its payload.
type frameEvent struct {
	kind   http2.FrameType
	stream uint32
	ack    bool
	end    bool
	code   http2.ErrCode
	status string
}

type blockBuffer struct{ b []byte }

func (b *blockBuffer) Write(p []byte) (int, error) { b.b = append(b.b, p...); return len(p), nil }

// speakHTTP2 begins a connection as a client does. SETTINGS are acknowledged.
func speakHTTP2(t testing.TB, conn net.Conn, settings ...http2.Setting) *frames {
	t.Helper()
	f := &frames{Framer: http2.NewFramer(conn, conn), conn: conn, events: make(chan frameEvent, 100_000)}
	f.encode = hpack.NewEncoder(&f.block)
	f.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	go f.read()
	_, err := io.WriteString(conn, http2.ClientPreface)
	require.NoError(t, err)
	require.NoError(t, f.WriteSettings(settings...))
	return f
}

func (f *frames) read() {
	defer close(f.events)
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			return
		}
		event := frameEvent{kind: frame.Header().Type, stream: frame.Header().StreamID}
		switch frame := frame.(type) {
		case *http2.SettingsFrame:
			event.ack = frame.IsAck()
		case *http2.PingFrame:
			event.ack = frame.IsAck()
		case *http2.DataFrame:
			event.end = frame.StreamEnded()
		case *http2.MetaHeadersFrame:
			event.end, event.status = frame.StreamEnded(), frame.PseudoValue("status")
		case *http2.RSTStreamFrame:
			event.code = frame.ErrCode
		case *http2.GoAwayFrame:
			event.code = frame.ErrCode
		}
		f.events <- event
	}
}

// request opens a stream.
func (f *frames) request(t testing.TB, stream uint32, method, path string, end bool, headers ...string) {
	t.Helper()
	require.NoError(t, f.tryRequest(stream, method, path, end, headers...))
}

func (f *frames) tryRequest(stream uint32, method, path string, end bool, headers ...string) error {
	return f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: f.fields(method, path, headers...), EndHeaders: true, EndStream: end})
}

func (f *frames) fields(method, path string, headers ...string) []byte {
	f.block.b = nil
	all := append([]string{":method", method, ":scheme", "http", ":authority", "app.example.com", ":path", path}, headers...)
	for i := 0; i < len(all); i += 2 {
		_ = f.encode.WriteField(hpack.HeaderField{Name: all[i], Value: all[i+1]})
	}
	return f.block.b
}

// until waits for a frame; false when the connection ended before.
func (f *frames) until(match func(frameEvent) bool) (frameEvent, bool) {
	for event := range f.events {
		if match(event) {
			return event, true
		}
	}
	return frameEvent{}, false
}

// status is the answer's on a stream; "" when the stream or the connection ended.
func (f *frames) status(stream uint32) string {
	event, _ := f.until(func(e frameEvent) bool {
		return e.stream == stream && (e.status != "" || e.kind == http2.FrameRSTStream) || e.kind == http2.FrameGoAway
	})
	return event.status
}
