package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha1" //nolint:gosec // RFC 6455 defines its handshake by SHA-1
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"strings"
)

// answerSize is the size of a response's body, in bytes.
const answerSize = 1 << 10

// echoPath is the path whose response is the received header.
const echoPath = "/echo"

// serveUpstream is an application that costs next to nothing: it accepts requests without
// bodies, and always writes the same bytes. It shares its core with the load.
func serveUpstream(ctx context.Context, listen string) error {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", listen)
	if err != nil {
		return err
	}
	go func() {
		<-ctx.Done()
		_ = listener.Close()
	}()
	ordinary := response(bytes.Repeat([]byte("x"), answerSize))
	for {
		conn, err := listener.Accept()
		if err != nil {
			return nil //nolint:nilerr // the listener is closed at the end of the measurement
		}
		go answer(conn, ordinary)
	}
}

func response(body []byte) []byte {
	return fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\nDate: Mon, 02 Jan 2006 15:04:05 GMT\r\n\r\n%s", len(body), body)
}

// answer serves one connection until the client closes it.
func answer(conn net.Conn, ordinary []byte) {
	defer func() { _ = conn.Close() }()
	in := bufio.NewReaderSize(conn, 8<<10)
	var head []byte
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return
		}
		if head = append(head, line...); len(line) > 2 {
			continue
		}
		out := ordinary
		switch {
		case bytes.HasPrefix(head, []byte("GET "+echoPath+" ")):
			out = response(head)
		case bytes.HasPrefix(head, []byte("GET /socket ")):
			out = switchProtocols(head)
		}
		if _, err := conn.Write(out); err != nil {
			return
		}
		head = head[:0]
	}
}

// switchProtocols accepts a WebSocket, on which nothing is sent.
func switchProtocols(head []byte) []byte {
	var key string
	for line := range strings.Lines(string(head)) {
		if name, value, _ := strings.Cut(line, ":"); http.CanonicalHeaderKey(name) == "Sec-Websocket-Key" {
			key = strings.TrimSpace(value)
		}
	}
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) //nolint:gosec // see the import
	return fmt.Appendf(nil, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: %s\r\n\r\n",
		base64.StdEncoding.EncodeToString(sum[:]))
}
