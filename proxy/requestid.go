package proxy

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
)

// requestIDHeader names a request in the logs of everybody that handles it.
const requestIDHeader = "X-Request-Id"

// maxRequestID bounds an id that a trusted proxy sends, in bytes.
const maxRequestID = 128

// name gives the request its id, which the client and the application get, and the log has:
// the one that a trusted proxy sends, else a new one. Strangers cannot choose it, because
// people search their logs for it.
func (p *Proxy) name(next station) station {
	return func(w http.ResponseWriter, r *http.Request, ps *passage) {
		ps.requestID = p.requestID(r)
		ps.requestIDs[0] = ps.requestID
		w.Header()[requestIDHeader] = ps.requestIDs[:]
		next(w, r, ps)
	}
}

func (p *Proxy) requestID(r *http.Request) string {
	if given := r.Header[requestIDHeader]; len(given) == 1 && isRequestID(given[0]) && p.origins.TrustedPeer(r) {
		return given[0]
	}
	return p.ids.next()
}

func isRequestID(s string) bool {
	const others = "-._~:@=+/"
	for i := range len(s) {
		if c := s[i]; (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && strings.IndexByte(others, c) < 0 {
			return false
		}
	}
	return s != "" && len(s) <= maxRequestID
}

const (
	idBytes = 16 // as many as a trace id has
	idBatch = 64
)

// requestIDs makes ids: random numbers in hexadecimal. It makes many at a time, so that an id
// costs no allocation. The zero value works.
type requestIDs struct{ batches sync.Pool }

// idsLeft are ids that nobody has yet.
type idsLeft struct{ text string }

func (ids *requestIDs) next() string {
	left, ok := ids.batches.Get().(*idsLeft)
	if !ok {
		left = &idsLeft{}
	}
	if left.text == "" {
		left.text = newIDs()
	}
	id := left.text[:2*idBytes]
	left.text = left.text[2*idBytes:]
	ids.batches.Put(left)
	return id
}

func newIDs() string {
	var random [idBytes * idBatch]byte
	for i := 0; i < len(random); i += 8 {
		binary.LittleEndian.PutUint64(random[i:], rand.Uint64()) //nolint:gosec // an id is no secret
	}
	return hex.EncodeToString(random[:])
}
