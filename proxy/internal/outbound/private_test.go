package outbound

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestRewriteCookies(t *testing.T) {
	tests := map[string]struct {
		lines []string
		fresh string
		want  []string
	}{
		"nothing of Clerk's stays byte for byte": {
			lines: []string{` a="1"; b=x%20y ;c;; d= e`}, want: []string{` a="1"; b=x%20y ;c;; d= e`}},
		"a live session stays": {
			lines: []string{"a=1; __session=old; __session_sfx=old; __client_uat=5"},
			want:  []string{"a=1; __session=old; __session_sfx=old; __client_uat=5"}},
		"a fresh session replaces both names": {
			lines: []string{"__session=old; a=1; __session_sfx=old; b=2"}, fresh: "new",
			want: []string{"__session=new; a=1; __session_sfx=new; b=2"}},
		"every copy is replaced": {
			lines: []string{"__session=old; __session =older;\t__session\t=oldest"}, fresh: "new",
			want: []string{"__session=new; __session=new;\t__session=new"}},
		"another instance's session stays": {
			lines: []string{"__session_other=x; __session=old"}, fresh: "new",
			want: []string{"__session_other=x; __session=new"}},
		"private ones go": {
			lines: []string{"__refresh_sfx=r; a=1; __refresh=r; __refresh_other=r; __clerk_handshake=h; __clerk_handshake_nonce=n; __clerk_db_jwt=d; __clerk_db_jwt_sfx=d; __clerk_redirect_count=1; b=2"},
			want:  []string{"a=1; b=2"}},
		"odd spellings of them go": {
			lines: []string{"__refresh_sfx; \t__refresh_sfx\t =r;a=1;__clerk_db_jwt"}, want: []string{"a=1"}},
		"names that only look alike stay": {
			lines: []string{"x__refresh=1; __Refresh_sfx=1; __clerk_redirect_counter=1"},
			want:  []string{"x__refresh=1; __Refresh_sfx=1; __clerk_redirect_counter=1"}},
		"all gone, header gone": {lines: []string{"__refresh_sfx=r; __clerk_db_jwt=d"}},
		"several lines":         {lines: []string{"a=1", "__refresh_sfx=r", "__session=old"}, fresh: "new", want: []string{"a=1", "__session=new"}},
		"a first session is added": {
			lines: []string{"a=1; __clerk_handshake_nonce=n"}, fresh: "new", want: []string{"a=1; __session=new; __session_sfx=new"}},
		"even without cookies": {fresh: "new", want: []string{"__session=new; __session_sfx=new"}},
		"none":                 {},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			h := http.Header{}
			if test.lines != nil {
				h["Cookie"] = test.lines
			}
			rewriteCookies(h, "sfx", test.fresh)
			assert.Equal(t, test.want, h["Cookie"])
		})
	}
}

func TestPublicQuery(t *testing.T) {
	for raw, want := range map[string]string{
		"":                                      "",
		"a=1;b=2&c=%zz&&d":                      "a=1;b=2&c=%zz&&d",
		"a=1&__clerk_db_jwt=x&b=2":              "a=1&b=2",
		"%5f%5fclerk%5fdb%5fjwt=x":              "",
		"__clerk_handshake=x":                   "",
		"__clerk_handshake_nonce=x&a=%2F&a=%2f": "a=%2F&a=%2f",
		"__clerk_synced=true":                   "__clerk_synced=true",
	} {
		assert.Equal(t, want, publicQuery(raw), raw)
	}
}

func TestWithoutSession(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ lines, want []string }{
		"the session goes":      {[]string{"a=1; __session=x;\t__session_sfx =y; __client_uat=5; __client_uat_sfx=5; b = 2"}, []string{"a=1; b = 2"}},
		"in every line":         {[]string{"__session=x; a=1", "b=2; __session"}, []string{"a=1; b=2"}},
		"nothing else was sent": {[]string{"__session=x"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &http.Request{Header: http.Header{"Cookie": test.lines, "Accept": {"text/html"}}}
			got := WithoutSession(r).Header
			assert.Equal(t, test.want, got["Cookie"])
			assert.Equal(t, "text/html", got.Get("Accept"))
			assert.Equal(t, test.lines, r.Header["Cookie"], "the client's request is not changed")
		})
	}
}
