package doctor

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/clerkgate/clerkgate/internal/reach"
	"github.com/clerkgate/clerkgate/middleware/store/redisstore"
	"github.com/clerkgate/clerkgate/proxy/routes"
)

// storeTimeout is how long the store has for connecting and for everything else.
const storeTimeout = 5 * time.Second

// store does with the shared store what clerkgate does, under names that nobody else uses.
// What is written expires after a second or two.
func (e *examination) store(ctx context.Context) []Result {
	if e.cfg.Store == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	const remedy = "Check CLERKGATE_STORE, that Redis 6.2 or later answers there, and the rights of its user in the documentation (page Replicas)."
	s, err := redisstore.New(e.cfg.Store)
	if err != nil {
		return fail("The shared store cannot be used.", plain(err), remedy)
	}
	defer s.Close()
	name := "doctor-" + rand.Text()
	steps := []func(context.Context) error{
		func(ctx context.Context) error { return s.Put(ctx, name, []byte("x"), time.Second) },
		func(ctx context.Context) error { _, _, err := s.Get(ctx, name); return err },
		func(ctx context.Context) error {
			_, err := s.PutIfAbsent(ctx, name, []byte("x"), time.Second)
			return err
		},
		func(ctx context.Context) error {
			claim, err := s.Claim(ctx, name, time.Second)
			if err != nil {
				return err
			}
			if _, err := s.Renew(ctx, name, claim.Fence, time.Second); err != nil {
				return err
			}
			_, err = s.Publish(ctx, name, claim.Fence, []byte("x"), time.Second)
			return err
		},
		func(ctx context.Context) error { _, err := s.Wait(ctx, name, 0); return err },
		func(ctx context.Context) error { return s.Append(ctx, name, []byte("x"), time.Second) },
		func(ctx context.Context) error { _, err := s.Read(ctx, name, "", 0); return err },
	}
	// The store connects in the background, so that the first call may come too early.
	first := reach.Poll(ctx, func() bool { err = steps[0](ctx); return err == nil || ctx.Err() != nil })
	if first != nil || err != nil {
		return fail("The shared store does not answer.", plain(cause(first, err)), remedy)
	}
	for _, step := range steps[1:] {
		if err := step(ctx); err != nil {
			return fail("The shared store refuses a command.", plain(err), remedy)
		}
	}
	return pass("The shared store works.")
}

func cause(first, err error) error {
	if err != nil {
		return err
	}
	return first
}

// expiresSoon is how early a certificate's end is announced.
const expiresSoon = 21 * 24 * time.Hour

func (e *examination) certificates(context.Context) (found []Result) {
	if file := e.cfg.TLSCertificateFile; file != "" {
		found = e.certificate("CLERKGATE_TLS_CERT_FILE", file, e.cfg.TLSKeyFile, publicHost(e.public))
	}
	all := e.cfg.AllUpstreams()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if up := all[name]; up.CertificateFile != "" {
			found = append(found, e.certificate(label(name), up.CertificateFile, up.KeyFile, "")...)
		}
	}
	return found
}

// certificate examines one file. host is the name that it must be for, "" for any.
func (e *examination) certificate(whose, file, key, host string) []Result {
	pair, err := tls.LoadX509KeyPair(file, key)
	if err != nil {
		return fail("The certificate of "+whose+" cannot be used.", plain(err), "Run clerkgate check, which says what is wrong with the file.")
	}
	left := pair.Leaf.NotAfter.Sub(e.now())
	detail := file + " is valid until " + pair.Leaf.NotAfter.UTC().Format(time.DateOnly)
	switch {
	case left <= 0 || e.now().Before(pair.Leaf.NotBefore):
		return fail("The certificate of "+whose+" is not valid now.", detail+", from "+pair.Leaf.NotBefore.UTC().Format(time.DateOnly), "Renew it: clerkgate notices the new file by itself.")
	case host != "" && pair.Leaf.VerifyHostname(host) != nil:
		return warn("The certificate of "+whose+" is not for "+host+".", detail, "This is right only if what is in front has a certificate of its own for that name.")
	case left < expiresSoon:
		return warn("The certificate of "+whose+" ends within three weeks.", detail, "Renew it: clerkgate notices the new file by itself.")
	}
	return pass("The certificate of " + whose + " is valid.")
}

func label(upstream string) string {
	if upstream == "" {
		return "CLERKGATE_UPSTREAM"
	}
	return "upstream " + strconv.Quote(upstream)
}

func (e *examination) upstreams(ctx context.Context) (found []Result) {
	all := e.cfg.AllUpstreams()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		found = append(found, e.upstream(ctx, name, all[name])...)
	}
	return found
}

// tooManyHops makes every clerkgate refuse a request with 508, as one that has gone round.
const tooManyHops = "64"

func (e *examination) upstream(ctx context.Context, name string, up routes.Upstream) []Result {
	target, err := url.Parse(up.URL)
	if err != nil {
		return nil // a loaded configuration has a good one
	}
	if !reach.AddressOf(target).Accepts(ctx) {
		return fail("The application of "+label(name)+" accepts no connection.", up.URL, "Start it, or correct the address. clerkgate answers 502 until then.")
	}
	if got := e.askUpstream(ctx, target); got != nil && got.status == http.StatusLoopDetected {
		return fail("The application of "+label(name)+" is clerkgate itself.", up.URL+" leads back here", "Set the address of the application behind clerkgate, not the public one.")
	}
	return pass("The application of " + label(name) + " accepts connections at " + up.URL + ".")
}

// askUpstream makes a request that clerkgate alone refuses; nil if there is no answer.
func (e *examination) askUpstream(ctx context.Context, target *url.URL) *reply {
	if target.Scheme == "https" {
		return nil // its certificate is not examined here, and a circle over it is unlikely
	}
	at := reach.AddressOf(target)
	transport := &http.Transport{
		DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, at.Network, at.Address)
		},
	}
	host := target.Host
	if host == "" {
		host = "localhost"
	}
	direct := examination{transport: transport}
	got, err := direct.send(ctx, http.MethodHead, &url.URL{Scheme: "http", Host: host, Path: "/"}, "Clerkgate-Hops", tooManyHops)
	if err != nil {
		return nil
	}
	return got
}

const (
	fewFiles  = 4096
	fewMemory = 64 << 20 // bytes
)

func (e *examination) limits(context.Context) (found []Result) {
	files, memory := openFiles(), memoryLimit()
	if files > 0 && files < fewFiles {
		found = warn(fmt.Sprintf("This process may open %d files, which is enough for about %d requests at a time.", files, files/2), "",
			"Raise the limit: ulimit -n, or LimitNOFILE= in a unit of systemd.")
	}
	if memory > 0 && memory < fewMemory {
		found = append(found, warn(fmt.Sprintf("The container may use %d MiB of memory.", memory>>20), "", "Give it 64 MiB or more.")...)
	}
	if found == nil {
		return pass("The system allows enough connections and memory.")
	}
	return found
}
