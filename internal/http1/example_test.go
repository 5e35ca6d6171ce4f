package http1_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/clerkgate/clerkgate/internal/http1"
)

func ExampleNew() {
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s asks for %s", r.Host, r.URL)
	}))
	defer app.Close()

	dialer := &net.Dialer{Timeout: 10 * time.Second}
	transport := http1.New(http1.Options{
		Dial: func(ctx context.Context) (net.Conn, error) {
			return dialer.DialContext(ctx, "tcp", app.Listener.Addr().String())
		},
		ResponseHeaderTimeout: time.Minute,
	})
	defer transport.CloseIdleConnections()

	client := &http.Client{Transport: transport}
	res, err := client.Get("http://app.example/dashboard") // the name is for the Host header only
	if err != nil {
		fmt.Println(err)
		return
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	fmt.Println(res.Status, string(body), err)
	// Output: 200 OK app.example asks for /dashboard <nil>
}
