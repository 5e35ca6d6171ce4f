package clerktest

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// yearSeconds is the Max-Age of most of Clerk's cookies, even of those whose content expires sooner.
const yearSeconds = 365 * 24 * 60 * 60

// jar creates the cookies for one application: it knows the suffix, whether they are Secure, and the domain that Clerk's
// subdomain has in common with the application.
type jar struct {
	suffix string
	secure bool
	domain string // "" for host-only
}

// jarFor returns the jar of the application at origin app. host is where the request came in; "" means the application's
// host. For plain http Secure is left out, because most browsers would reject the cookie on any host but localhost.
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

// cookie returns a cookie for a year; an empty value deletes it.
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

// session returns the session cookies. They are host-only, so that no other host of the domain gets the session token.
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

// refresh returns the refresh cookie, which has a suffixed name only: nothing reads the plain one.
func (j jar) refresh(token string) *http.Cookie {
	cookie := j.cookie(token, true)
	cookie.Name = "__refresh_" + j.suffix
	return &cookie
}

func (j jar) devBrowser(token string) []*http.Cookie {
	return j.both("__clerk_db_jwt", j.cookie(token, false))
}

// client returns the __client cookie. It is host-only, so that only the Frontend API gets it.
func (j jar) client(token string) *http.Cookie {
	cookie := j.cookie(token, true)
	cookie.Name = "__client"
	return &cookie
}

// handshake returns the cookie with a handshake's payload in production; an empty value deletes it.
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
