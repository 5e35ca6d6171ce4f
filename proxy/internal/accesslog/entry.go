package accesslog

import (
	"net/netip"
	"time"
)

// Entry is what is known of a request that has ended. Empty fields are left out of the line,
// except where a comment says otherwise.
type Entry struct {
	Time     time.Time     // when the request arrived
	Duration time.Duration // until it ended
	Client   netip.Addr    // of the client, behind trusted proxies
	Host     string        // as the client wrote it
	Method   string
	Path     string // without the query
	Protocol string // HTTP/1.1
	Status   int
	// BytesIn and BytesOut are the sizes of the bodies; a negative one is unknown.
	BytesIn, BytesOut int64

	Outcome   string // what clerkgate did
	Decision  string // whether somebody is signed in
	Reason    string // why nobody is, or why the request was refused
	Route     string
	Refreshed bool // the session's token was renewed

	UserID, SessionID, OrganizationID string

	Upstream       string        // the application's address
	UpstreamStatus int           // 0 if it did not answer
	UpstreamTime   time.Duration // until its answer began; negative if it was not asked
	// Error is why the answer is not what it should be; "" if all is well.
	Error string
	// ClientLeft says what the client did if it left before the end.
	ClientLeft string

	RequestID string
	TraceID   string
	UserAgent string
	Referer   string

	line []byte
	// stamp is how a format writes the second since 1970 that is in second.
	stamp  stamp
	second int64
}

// stamp is a time of day as the parts before and behind the fraction of a second.
type stamp struct{ before, behind []byte }

// successful reports whether a line may be left out by sampling.
func (e *Entry) successful() bool { return e.Status < 400 && e.Error == "" && e.ClientLeft == "" }

// level is the level of the line, as package log/slog writes it.
func (e *Entry) level() string {
	if e.Error != "" && e.ClientLeft == "" {
		return "WARN"
	}
	return "INFO"
}
