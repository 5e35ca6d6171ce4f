package handshakes

import (
	"encoding/json"
	"hash/maphash"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/clerkgate/clerkgate/internal/origin"
	"github.com/clerkgate/clerkgate/middleware"
)

const (
	// lookEvery is how often the records are judged at most, since judging costs more than
	// what it judges.
	lookEvery = time.Second
	// sayEvery is how often a cause is logged at most.
	sayEvery = time.Hour
)

// Options configure a [Log]. All fields are required.
type Options struct {
	// Production says whether the instance is one for production.
	Production bool
	// Origins know who the browser is.
	Origins *origin.Resolver
	Logger  *slog.Logger
	Now     func() time.Time
}

// Log watches the handshakes of a server. It is safe for concurrent use.
type Log struct {
	opts Options
	seed maphash.Seed
	ring Ring

	mu     sync.Mutex
	looked time.Time
	said   map[string]time.Time // when each cause was logged last
	loops  map[string]uint64    // by the name of the cause
}

// New returns a log without records.
func New(o Options) *Log {
	return &Log{opts: o, seed: maphash.MakeSeed(), said: make(map[string]time.Time), loops: make(map[string]uint64)}
}

// See takes note of a request that is not signed in, if it is in the middle of a handshake,
// or has a session that was refused.
func (l *Log) See(r *http.Request, s *middleware.State, public *origin.Public) {
	outcome := outcomeOf(s)
	if outcome == "" {
		return
	}
	client, _ := l.opts.Origins.ClientIP(r)
	rec := l.read(r, s, public, client, outcome)
	l.ring.Add(rec)
	l.judge(rec)
}

func outcomeOf(s *middleware.State) Outcome {
	reason := string(s.Reason)
	switch {
	case s.Looped():
		return Stopped
	case s.Status == middleware.Handshake || s.Header.Get("Location") != "":
		return Sent
	case strings.HasPrefix(reason, "token-") || strings.HasPrefix(reason, "jwk-") || strings.HasPrefix(reason, "session-token-"):
		return Refused
	}
	return ""
}

func (l *Log) read(r *http.Request, s *middleware.State, public *origin.Public, client netip.Addr, outcome Outcome) Record {
	scheme, host, _ := public.SchemeAndHost()
	return Read(r, Seen{
		Now: l.opts.Now(), Outcome: outcome, Reason: string(s.Reason), Scheme: scheme, Host: host,
		Client: client, Trusted: l.opts.Origins.TrustedPeer(r),
	}, l.seed)
}

// judge counts loops, and logs causes.
func (l *Log) judge(rec Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if rec.Outcome != Stopped && rec.At.Sub(l.looked) < lookEvery {
		return
	}
	l.looked = rec.At
	records := l.ring.Records()
	if rec.Outcome == Stopped {
		name := Unknown
		if causes := Causes(Of(records, rec.Browser), l.opts.Production); len(causes) > 0 {
			name = causes[0].Name
		}
		l.loops[name]++
	}
	for _, c := range Causes(records, l.opts.Production) {
		if last, known := l.said[c.Name]; known && rec.At.Sub(last) < sayEvery {
			continue
		}
		l.said[c.Name] = rec.At
		l.opts.Logger.Warn("sign-in does not work for a browser", "cause", c.Name, "message", c.Message, "detail", c.Detail, "remedy", c.Remedy)
	}
}

// Production reports whether the instance is one for production.
func (l *Log) Production() bool { return l.opts.Production }

// Records returns what was seen last, the oldest first.
func (l *Log) Records() []Record { return l.ring.Records() }

// Causes returns what is wrong, by all records.
func (l *Log) Causes() []Cause { return Causes(l.ring.Records(), l.opts.Production) }

// CausesFor returns what is wrong with the browser that r is of.
func (l *Log) CausesFor(r *http.Request) []Cause {
	client, _ := l.opts.Origins.ClientIP(r)
	return Causes(Of(l.ring.Records(), browserOf(r, client, l.seed)), l.opts.Production)
}

// Loops returns how many redirect loops were stopped, by the name of what caused them.
func (l *Log) Loops() map[string]uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	counts := make(map[string]uint64, len(l.loops))
	for _, name := range Names() {
		counts[name] = l.loops[name]
	}
	return counts
}

// ServeHTTP answers with the causes, the loops and the records as JSON. It is for the
// administrator alone.
func (l *Log) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(Report{Causes: append([]Cause{}, l.Causes()...), Loops: l.Loops(), Handshakes: append([]Record{}, l.Records()...)})
}

// Report is what [Log.ServeHTTP] answers with.
type Report struct {
	// Causes are what is wrong, as far as the records tell.
	Causes []Cause `json:"causes"`
	// Loops are the redirect loops that were stopped since the start, by their cause.
	Loops map[string]uint64 `json:"redirect_loops"`
	// Handshakes are the last records, the oldest first.
	Handshakes []Record `json:"handshakes"`
}
