package assertion

import (
	"bytes"
	"fmt"
	"net/http"
	"time"
)

// MaxAge is how long clients may cache the key set.
const MaxAge = 5 * time.Minute

// Handler returns a handler that serves the key set for GET and HEAD.
func (k *Keys) Handler() http.Handler {
	cacheControl := fmt.Sprintf("public, max-age=%d", int(MaxAge.Seconds()))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			h.Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		h.Set("Content-Type", "application/jwk-set+json")
		h.Set("Cache-Control", cacheControl)
		h.Set("Etag", k.etag)
		h.Set("X-Content-Type-Options", "nosniff")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(k.jwks))
	})
}
