package revocation

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// Kind is what an [Entry] is about. Its values are stored: do not renumber them.
type Kind uint8

// The kinds of entries. All but Session and User make tokens stale.
const (
	Session      Kind = 1 // the session ID has ended: its tokens are denied, whenever issued
	User         Kind = 2 // the user ID: tokens issued until At are denied
	Membership   Kind = 3 // the user ID in the organization Org
	Organization Kind = 4 // the organization ID
	Role         Kind = 5 // the role with the key ID, such as org:admin
	Permission   Kind = 6 // the permission with the key ID, such as org:invoices:view
	Everyone     Kind = 7 // every token; ID is empty

	kinds = 8
)

// Entry is one revocation.
type Entry struct {
	Kind Kind
	ID   string
	Org  string // for Membership only
	// At is when it happened, to the millisecond: tokens issued until then are concerned.
	At time.Time
}

// maxID bounds an id or key, in bytes. Clerk's ids have 32; keys are chosen by people.
const maxID = 256

// Valid reports whether the entry names what it is about.
func (e Entry) Valid() bool {
	named := e.ID != "" && len(e.ID) <= maxID
	switch {
	case e.At.IsZero():
		return false
	case e.Kind == Everyone:
		return e.ID == "" && e.Org == ""
	case e.Kind == Membership:
		return named && e.Org != "" && len(e.Org) <= maxID
	}
	return named && e.Kind >= Session && e.Kind < kinds && e.Org == ""
}

// format is the first byte of an encoded entry.
const format = 1

// Errors of [Decode].
var (
	// ErrFormat means that another version has written the entry.
	ErrFormat = errors.New("revocation: unknown format")
	// ErrMalformed means that the bytes are no entry.
	ErrMalformed = errors.New("revocation: malformed entry")
)

// Append appends the encoded entry to b: the format, the kind, At in milliseconds as eight
// bytes, and ID and Org, each after its length in two bytes.
func (e Entry) Append(b []byte) []byte {
	b = append(b, format, byte(e.Kind))
	b = binary.BigEndian.AppendUint64(b, uint64(e.At.UnixMilli()))
	for _, id := range [...]string{e.ID, e.Org} {
		b = binary.BigEndian.AppendUint16(b, uint16(len(id))) //nolint:gosec // at most maxID, see Valid
		b = append(b, id...)
	}
	return b
}

// Decode reads an encoded entry. It accepts valid entries only, and nothing after them.
func Decode(b []byte) (Entry, error) {
	switch {
	case len(b) == 0:
		return Entry{}, ErrMalformed
	case b[0] != format:
		return Entry{}, fmt.Errorf("%w %d", ErrFormat, b[0])
	case len(b) < 10:
		return Entry{}, ErrMalformed
	}
	e := Entry{Kind: Kind(b[1]), At: time.UnixMilli(int64(binary.BigEndian.Uint64(b[2:])))} //nolint:gosec // see Append
	rest := b[10:]
	for _, id := range [...]*string{&e.ID, &e.Org} {
		if len(rest) < 2 {
			return Entry{}, ErrMalformed
		}
		n := int(binary.BigEndian.Uint16(rest))
		if rest = rest[2:]; len(rest) < n {
			return Entry{}, ErrMalformed
		}
		*id, rest = string(rest[:n]), rest[n:]
	}
	if len(rest) > 0 || !e.Valid() {
		return Entry{}, ErrMalformed
	}
	return e, nil
}
