// Command auth-proxy is an application that leaves the sign-in to a proxy, in the manner
// of Grafana's auth proxy: the proxy says in X-WEBAUTH-USER who is there.
package main

import (
	"cmp"
	"fmt"
	"log"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

func main() {
	app := &application{users: make(map[string]*user)}
	for address := range strings.SplitSeq(cmp.Or(os.Getenv("WHITELIST"), "127.0.0.1"), ",") {
		peer, err := netip.ParseAddr(address)
		if err != nil {
			log.Fatal(err)
		}
		app.whitelist = append(app.whitelist, peer)
	}
	address := "127.0.0.1:" + cmp.Or(os.Getenv("PORT"), "3000")
	server := &http.Server{Addr: address, Handler: app, ReadHeaderTimeout: 10 * time.Second}
	log.Print("waiting for the proxy at " + address) //nolint:gosec // whoever starts this sets PORT
	log.Fatal(server.ListenAndServe())
}

// application knows its users by what the proxy says.
type application struct {
	whitelist []netip.Addr // of the peers that may say who is signed in
	mu        sync.Mutex
	users     map[string]*user // by X-WEBAUTH-USER
}

type user struct {
	name, email string
	visits      int
}

func (a *application) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	login := header(r, "X-WEBAUTH-USER")
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	switch {
	case login == "":
		http.Error(w, "nobody is signed in", http.StatusUnauthorized)
	case err != nil || !slices.Contains(a.whitelist, peer.Addr().Unmap()):
		http.Error(w, "only the proxy may say who is signed in", http.StatusForbidden)
	default:
		u := a.visit(login, header(r, "X-WEBAUTH-NAME"), header(r, "X-WEBAUTH-EMAIL"))
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		fmt.Fprintf(w, "signed in: %s, %q <%s>, visit %d\n", login, u.name, u.email, u.visits) //nolint:gosec // plain text
	}
}

// visit returns a user, who is new at first sight.
func (a *application) visit(login, name, email string) user {
	a.mu.Lock()
	defer a.mu.Unlock()
	u := a.users[login]
	if u == nil {
		u = &user{}
		a.users[login] = u
	}
	u.name, u.email, u.visits = name, email, u.visits+1
	return *u
}

// header returns the value of a header in which clerkgate writes some bytes as %XX.
func header(r *http.Request, name string) string {
	value, err := url.PathUnescape(r.Header.Get(name))
	if err != nil {
		return ""
	}
	return value
}
