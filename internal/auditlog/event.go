package auditlog

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"
)

// Kind says what happened.
type Kind string

// The kinds of events.
const (
	Started      Kind = "started"       // the chain goes on, or begins
	Stopped      Kind = "stopped"       // the last line of a program that ended in order
	Reopened     Kind = "reopened"      // the first line of a file that took the place of another
	Lost         Kind = "lost"          // Count events could not be written
	Refused      Kind = "refused"       // a request was refused by policy
	Revoked      Kind = "revoked"       // sessions were ended, or tokens must be renewed
	StaleGrant   Kind = "stale-grant"   // an expired session counted because Clerk was down
	SignedOut    Kind = "signed-out"    // somebody signed out
	Reloaded     Kind = "reloaded"      // another configuration is in force
	ReloadFailed Kind = "reload-failed" // a configuration was refused
	Admin        Kind = "admin"         // an operator used a page that changes something
)

// Event is one thing that happened. Fields that do not apply are empty. Texts that a client
// chose must be bounded by the caller.
type Event struct {
	Kind Kind `json:"event"`

	Reason         string `json:"reason,omitempty"`
	Source         string `json:"source,omitempty"` // what caused it
	Status         int    `json:"status,omitempty"`
	Method         string `json:"method,omitempty"`
	Host           string `json:"host,omitempty"`
	Path           string `json:"path,omitempty"`
	Route          string `json:"route,omitempty"`
	Client         string `json:"client,omitempty"`
	UserID         string `json:"user_id,omitempty"`
	SessionID      string `json:"session_id,omitempty"`
	OrganizationID string `json:"organization_id,omitempty"`
	RequestID      string `json:"request_id,omitempty"`
	Subject        string `json:"subject,omitempty"` // whom a revocation concerns
	Count          int    `json:"count,omitempty"`
	Version        string `json:"version,omitempty"`
	// Torn says that the line before this one was not whole: a program ended while it wrote.
	Torn bool `json:"torn,omitempty"`
}

// record is a line.
type record struct {
	Seq  uint64    `json:"seq"`
	Time time.Time `json:"time"`
	Event
	Prev string `json:"prev"` // the SHA-256 of the line before, in hexadecimal
}

// chain is the end of a chain of lines.
type chain struct {
	seq  uint64
	hash string // of the last line, without its end
}

func newChain() chain { return chain{hash: hex.EncodeToString(make([]byte, sha256.Size))} }

// line returns the next line and the chain with it.
func (c chain) line(e *Event, at time.Time) ([]byte, chain, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(record{Seq: c.seq + 1, Time: at.UTC(), Event: *e, Prev: c.hash}); err != nil {
		return nil, c, err
	}
	return b.Bytes(), chain{seq: c.seq + 1, hash: sum(bytes.TrimSuffix(b.Bytes(), []byte("\n")))}, nil
}

func sum(line []byte) string {
	hash := sha256.Sum256(line)
	return hex.EncodeToString(hash[:])
}

var errNoRecord = errors.New("not a line of an audit log")

// parse reads a line without its end.
func parse(line []byte) (record, error) {
	var r record
	decoder := json.NewDecoder(bytes.NewReader(line))
	if err := decoder.Decode(&r); err != nil || decoder.More() || r.Seq == 0 || len(r.Prev) != 2*sha256.Size || r.Kind == "" {
		return record{}, errNoRecord
	}
	return r, nil
}
