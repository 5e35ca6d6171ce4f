package demo

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

const (
	// eventsPath is where the page gets further events. Requests for it are not events.
	eventsPath = "/events"
	// heartbeat is the time between comments that keep the stream's connection alive.
	heartbeat = 15 * time.Second
)

// update is the change of the page for one event.
type update struct {
	Item string `json:"item"` // the list's new first item, as HTML
	Lit  string `json:"lit"`
	Way  string `json:"way"`
	What string `json:"what"`
	// Renewed is set if there is a new token, so that a note about the old one no longer
	// applies.
	Renewed bool `json:"renewed"`
}

// events streams the story's events after the one that the request names, as
// server-sent events.
func (a *app) events(w http.ResponseWriter, r *http.Request) {
	last, err := strconv.Atoi(r.Header.Get("Last-Event-ID")) // after a lost connection
	if err != nil {
		last, _ = strconv.Atoi(r.URL.Query().Get("after"))
	}
	stream := http.NewResponseController(w)
	_ = stream.SetReadDeadline(time.Time{}) // the server's limit is for requests that end
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for text := ": hello\n\n"; ; text = "" {
		events, more := a.story.tell()
		for i, e := range events {
			if e.ID > last {
				text += a.message(e, events[:i+1])
				last = e.ID
			}
		}
		if _, err := w.Write([]byte(text)); err != nil || stream.Flush() != nil || more == nil {
			return
		}
		select {
		case <-more:
		case <-beat.C:
			if _, err := w.Write([]byte(": still here\n\n")); err != nil {
				return
			}
		case <-r.Context().Done():
			return
		}
	}
}

// message returns an event as a server-sent event. upTo are the events up to it.
func (a *app) message(e event, upTo []event) string {
	var item bytes.Buffer
	if err := a.pages.ExecuteTemplate(&item, "event.html", e); err != nil {
		return ""
	}
	v := lastVisit(upTo)
	data, err := json.Marshal(update{
		Item: item.String(), Lit: v.Lit(), Way: v.Way(), What: v.What(), Renewed: e.Refreshed || e.Decision == handshake,
	})
	if err != nil {
		return ""
	}
	return fmt.Sprintf("id: %d\ndata: %s\n\n", e.ID, data)
}
