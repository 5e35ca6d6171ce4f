package clerktest

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// yearSeconds is how long browsers keep most of Clerk's cookies, however short-lived their content.
const yearSeconds = 365 * 24 * 60 * 60

// jar writes cookies for one application: it knows the suffix, whether they are Secure, and the domain that a sub-domain
// of Clerk's shares with the application.
type jar struct {
	suffix string
	secure bool
	domain string // empty: host-only
}

// jarFor is for the application at origin app. The request came in at host (empty: the application's own). On plain http
// Secure is left out: most browsers would drop the cookie on any host but localhost.
func (c *Clerk) jarFor(app, host string) jar {
	j := jar{suffix: c.suffix}
	u, err := url.Parse(app)
	if err != nil {
		return j
	}
	j.secure = u.Scheme == "https"
	if host != "" && !strings.EqualFold(host, u.Hostname()) && onDomain(u.Hostname()) && onDomain(host) {
		j.domain = productionDomain
	}
	return j
}

func (j jar) both(name string, cookie http.Cookie) []*http.Cookie {
	plain, suffixed := cookie, cookie
	plain.Name, suffixed.Name = name, name+"_"+j.suffix
	return []*http.Cookie{&plain, &suffixed}
}

// cookie is one for a year; an empty value deletes it.
func (j jar) cookie(value string, httpOnly bool) http.Cookie {
	cookie := http.Cookie{
		Value: value, Path: "/", MaxAge: yearSeconds, Secure: j.secure, HttpOnly: httpOnly,
		SameSite: http.SameSiteLaxMode,
	}
	if value == "" {
		cookie.MaxAge = -1
	}
	return cookie
}

// session is host-only by intent: a session token must not reach neighbours on the domain.
func (j jar) session(token string) []*http.Cookie { return j.both("__session", j.cookie(token, false)) }

func (j jar) clientUAT(updated time.Time) []*http.Cookie {
	value := "0"
	if !updated.IsZero() {
		value = strconv.FormatInt(updated.Unix(), 10)
	}
	cookie := j.cookie(value, false)
	cookie.Domain = j.domain
	return j.both("__client_uat", cookie)
}

// refresh has the suffixed name alone: the plain one is read by nobody.
func (j jar) refresh(token string) *http.Cookie {
	cookie := j.cookie(token, true)
	cookie.Name = "__refresh_" + j.suffix
	return &cookie
}

func (j jar) devBrowser(token string) []*http.Cookie {
	return j.both("__clerk_db_jwt", j.cookie(token, false))
}

// client is host-only on the Frontend API's host: the application's servers have no business with it.
func (j jar) client(token string) *http.Cookie {
	cookie := j.cookie(token, true)
	cookie.Name = "__client"
	return &cookie
}

// handshake carries a payload to the application in production; an empty value deletes it.
func (j jar) handshake(name, value string) *http.Cookie {
	cookie := j.cookie(value, true)
	cookie.Name, cookie.Domain = name, j.domain
	if value != "" {
		cookie.MaxAge = int(nonceLifetime / time.Second)
	}
	return &cookie
}

func setCookies(w http.ResponseWriter, cookies ...*http.Cookie) {
	for _, cookie := range cookies {
		http.SetCookie(w, cookie)
	}
}

func directives(cookies []*http.Cookie) []string {
	lines := make([]string, len(cookies))
	for i, cookie := range cookies {
		lines[i] = cookie.String()
	}
	return lines
}
