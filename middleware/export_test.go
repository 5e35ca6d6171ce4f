package middleware

// RefreshName is what the name of a refresh in a shared store is made of.
func RefreshName(sid, expired, refreshToken, origin string) string {
	key := newRefreshKey(sid, expired, refreshToken, origin, true)
	return string(key[:])
}
