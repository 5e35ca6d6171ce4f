package frameworks

import (
	"fmt"
	"io"
	"net/http"

	"github.com/gorilla/websocket"

	"github.com/clerkgate/clerkgate/middleware"
)

// The handlers that chi and gorilla/mux share.

func home(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "welcome") }

func account(w http.ResponseWriter, r *http.Request) {
	_, _ = fmt.Fprint(w, "hello ", middleware.FromContext(r.Context()).UserID)
}

func cached(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Cache-Control", "public, max-age=60")
	w.WriteHeader(http.StatusOK)
}

func stream(w http.ResponseWriter, r *http.Request) {
	_, _ = io.WriteString(w, "first\n")
	_ = http.NewResponseController(w).Flush()
	<-r.Context().Done() // the reader has what was flushed, and goes
}

func socket(w http.ResponseWriter, r *http.Request) {
	greet(w, r, middleware.FromContext(r.Context()).UserID)
}

// greet says hello over a WebSocket. Its upgrader refuses pages of other origins. What is
// in the header of w, refreshed cookies above all, must be handed to it.
func greet(w http.ResponseWriter, r *http.Request, who string) {
	upgrader := websocket.Upgrader{}
	conn, err := upgrader.Upgrade(w, r, w.Header())
	if err != nil {
		return // Upgrade has answered
	}
	defer conn.Close()
	_ = conn.WriteMessage(websocket.TextMessage, []byte("hello "+who))
}
