package redisstore

import (
	"crypto/tls"
	"errors"
	"io"
	"maps"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/clerkgate/clerkgate/internal/certificate"
	"github.com/clerkgate/clerkgate/internal/problem"
)

// Forms lists the forms of a store's URL, for messages.
const Forms = "redis://host:6379, rediss://user:password@host:6379, unix:/run/redis.sock, redis+sentinel://host:26379,host:26379/mymaster or redis+cluster://host:6379,host:6379"

const (
	defaultPort         = "6379"
	defaultSentinelPort = "26379"
	// maxPasswordFile bounds a file with a password, in bytes.
	maxPasswordFile = 4 << 10
)

// Check says what is wrong with a URL, as [New] does, and connects to nothing.
func Check(text string) error {
	_, err := parse(text)
	return err
}

// location is a URL that is being read.
type location struct {
	secure, sentinel, cluster, socket bool
	hosts, path                       string
	query                             url.Values
	option                            rueidis.ClientOption
}

// parse returns the options for the server at a URL. What is wrong with it is a
// [*problem.Problem] that shows no password.
func parse(text string) (rueidis.ClientOption, error) {
	l := &location{option: rueidis.ClientOption{
		ClientName:    "clerkgate",
		ClientSetInfo: rueidis.DisableClientSetInfo, // or a user without the right to it cannot connect to Redis 7.0
		// A pipeline with few buffers recovers soonest from a server that was killed.
		PipelineMultiplex: -1, RingScaleEachConn: 8, ReadBufferEachConn: 32 << 10, WriteBufferEachConn: 32 << 10,
		BlockingPoolSize: 256, BlockingPoolMinSize: 1, BlockingPoolCleanup: time.Minute,
		DisableCache: true, DisableRetry: true,
		ConnWriteTimeout: time.Second, Dialer: net.Dialer{Timeout: time.Second},
		ForceSingleClient: true, // a single server may know CLUSTER as well
	}}
	rest, err := l.scheme(text)
	if err != nil {
		return rueidis.ClientOption{}, err
	}
	for _, part := range []func() error{func() error { return l.split(rest) }, l.known, l.addresses, l.place, l.passwords, l.tls} {
		if err := part(); err != nil {
			return rueidis.ClientOption{}, err
		}
	}
	return l.option, nil
}

// wrong is a problem with a URL.
func wrong(found, want string) error { return &problem.Problem{Found: found, Want: want} }

// scheme reads what is in front of the hosts, or of the path.
func (l *location) scheme(text string) (rest string, err error) {
	if rest, l.socket = strings.CutPrefix(text, "unix:"); l.socket {
		return rest, nil
	}
	scheme, rest, ok := strings.Cut(text, "://")
	kind, form, _ := strings.Cut(scheme, "+")
	l.secure, l.sentinel, l.cluster = kind == "rediss", form == "sentinel", form == "cluster"
	if !ok || kind != "redis" && kind != "rediss" || strings.Contains(scheme, "+") && !l.sentinel && !l.cluster {
		if !ok || len(scheme) > 20 {
			return "", wrong("text that is not a URL", Forms)
		}
		return "", wrong("a URL that begins with "+problem.Quote(scheme+"://"), Forms)
	}
	return rest, nil
}

// split reads the user and the query, and leaves hosts and path. A URL with several hosts is
// none to net/url.
func (l *location) split(rest string) (err error) {
	rest, query, _ := strings.Cut(rest, "?")
	if l.query, err = url.ParseQuery(query); err != nil {
		return wrong("a query that cannot be read", "parameters such as ?db=1&ca=/etc/redis/ca.pem")
	}
	if l.socket {
		l.path = rest
		return nil
	}
	at := strings.LastIndexByte(rest, '@')
	if at >= 0 {
		user, password, _ := strings.Cut(rest[:at], ":")
		var badUser, badPassword error
		l.option.Username, badUser = url.PathUnescape(user)
		l.option.Password, badPassword = url.PathUnescape(password)
		if badUser != nil || badPassword != nil || strings.ContainsAny(rest[:at], "/@") {
			return wrong("a user or password with characters that must be escaped in a URL", "them escaped, such as %2F for a slash, or password_file=/path in the query")
		}
	}
	l.hosts, l.path, _ = strings.Cut(rest[at+1:], "/")
	return nil
}

// known finds parameters that nobody knows, are given twice, or do not go with the rest.
func (l *location) known() error {
	known := []string{"user", "password_file", "db"}
	if l.sentinel {
		known = append(known, "sentinel_user", "sentinel_password_file")
	}
	if l.secure {
		known = append(known, "ca", "cert", "key", "server_name")
	}
	for _, name := range slices.Sorted(maps.Keys(l.query)) {
		switch values := l.query[name]; {
		case !slices.Contains(known, name):
			return wrong("the parameter "+problem.Quote(name), "with such a URL, "+problem.OneOf(known))
		case len(values) > 1:
			return wrong("the parameter "+name+" twice", "each parameter once")
		case values[0] == "":
			return wrong("the parameter "+name+" without a value", name+"=value, or nothing")
		}
	}
	return nil
}

// addresses reads where servers, nodes or Sentinels are.
func (l *location) addresses() error {
	if l.socket {
		if !strings.HasPrefix(l.path, "/") {
			return wrong(problem.Quote("unix:"+l.path), "the path of a socket from the root, such as unix:/run/redis.sock")
		}
		path := l.path
		l.option.InitAddress, l.path = []string{path}, ""
		l.option.DialCtxFn = nil
		l.option.DialFn = func(_ string, d *net.Dialer, _ *tls.Config) (net.Conn, error) { return d.Dial("unix", path) }
		return nil
	}
	port := defaultPort
	if l.sentinel {
		port = defaultSentinelPort
	}
	for host := range strings.SplitSeq(l.hosts, ",") {
		address, ok := hostPort(host, port)
		if !ok {
			return wrong("the host "+problem.Quote(host), "hosts such as redis.internal, redis.internal:6379 or [2001:db8::1]:6379")
		}
		l.option.InitAddress = append(l.option.InitAddress, address)
	}
	if len(l.option.InitAddress) > 1 && !l.sentinel && !l.cluster {
		return wrong("several hosts in a URL for one server", "one host, or a URL that begins with redis+sentinel:// or redis+cluster://")
	}
	return nil
}

// hostPort reads a host with or without a port.
func hostPort(text, port string) (address string, ok bool) {
	host := text
	if h, p, err := net.SplitHostPort(text); err == nil {
		host, port = h, p
	} else if strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]") {
		host = text[1 : len(text)-1]
	}
	n, err := strconv.ParseUint(port, 10, 16)
	valid := !strings.ContainsFunc(host, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("@/%[]", r) })
	if strings.Contains(host, ":") {
		valid = valid && net.ParseIP(host) != nil && strings.HasPrefix(text, "[")
	}
	return net.JoinHostPort(host, port), valid && host != "" && err == nil && n > 0
}

// place reads the master's name and the database.
func (l *location) place() error {
	path, db := l.path, l.query.Get("db")
	if l.sentinel {
		l.option.Sentinel.MasterSet, path, _ = strings.Cut(path, "/")
		// A change that a Sentinel did not tell would otherwise go unnoticed.
		l.option.Sentinel.TopologyRefreshInterval = 5 * time.Second
		if l.option.Sentinel.MasterSet == "" {
			return wrong("no name of a master behind the Sentinels", "redis+sentinel://host:26379/mymaster")
		}
	}
	switch {
	case path != "" && db != "":
		return wrong("the database twice", "it once, such as /1 or ?db=1")
	case path != "":
		db = path
	case db == "":
		db = "0"
	}
	n, err := strconv.ParseUint(db, 10, 16)
	if err != nil {
		return wrong("the database "+problem.Quote(db), "a number, such as redis://host:6379/1")
	}
	if l.cluster {
		l.option.ForceSingleClient = false
		l.option.ClusterOption.ShardsRefreshInterval = 5 * time.Second
		if n > 0 {
			return wrong("a database other than 0 in a cluster", "none: a cluster has only one")
		}
	}
	l.option.SelectDB = int(n)
	return nil
}

// passwords reads users and the files that hold passwords.
func (l *location) passwords() error {
	if user := l.query.Get("user"); user != "" {
		if l.option.Username != "" {
			return wrong("the user twice", "it once, in front of the host or as user=")
		}
		l.option.Username = user
	}
	if file := l.query.Get("password_file"); file != "" {
		if l.option.Password != "" {
			return wrong("a password beside password_file", "one of the two")
		}
		if _, err := readPassword(file, "password_file"); err != nil {
			return err
		}
		user := l.option.Username
		l.option.AuthCredentialsFn = func(rueidis.AuthCredentialsContext) (rueidis.AuthCredentials, error) {
			password, err := readPassword(file, "password_file")
			return rueidis.AuthCredentials{Username: user, Password: password}, err
		}
	} else if l.option.Username != "" && l.option.Password == "" {
		return wrong("a user without a password", "user:password@host, or password_file=/path")
	}
	l.option.Sentinel.Username = l.query.Get("sentinel_user")
	if file := l.query.Get("sentinel_password_file"); file != "" {
		var err error
		l.option.Sentinel.Password, err = readPassword(file, "sentinel_password_file")
		return err
	}
	return nil
}

// readPassword reads a file that a parameter names.
func readPassword(file, parameter string) (string, error) {
	f, err := os.Open(file) //nolint:gosec // the configuration names it
	if err != nil {
		return "", wrong(err.Error()+", as "+parameter, "the name of a file that can be read and holds nothing but the password")
	}
	data, err := io.ReadAll(io.LimitReader(f, maxPasswordFile+1))
	err = errors.Join(err, f.Close())
	password := strings.TrimRight(string(data), "\r\n")
	if err != nil || password == "" || len(data) > maxPasswordFile {
		return "", wrong(problem.Quote(file)+" as "+parameter+", which is empty, too large or cannot be read", "the name of a file that holds nothing but the password")
	}
	return password, nil
}

// tls reads what TLS is to be spoken with.
func (l *location) tls() error {
	if !l.secure {
		return nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: l.query.Get("server_name")}
	if file := l.query.Get("ca"); file != "" {
		authorities, err := certificate.Authorities(file)
		if err != nil {
			return wrong(err.Error(), "a file of authorities in PEM as ca")
		}
		config.RootCAs = authorities
	}
	cert, key := l.query.Get("cert"), l.query.Get("key")
	if cert != "" || key != "" {
		if cert == "" || key == "" {
			return wrong("one of cert and key", "both, or none")
		}
		pair, err := certificate.Load(certificate.Options{CertificateFile: cert, KeyFile: key})
		if err != nil {
			return wrong(err.Error(), "files of a certificate and its key in PEM, as cert and key")
		}
		config.GetClientCertificate = pair.GetClientCertificate
	}
	l.option.TLSConfig, l.option.Sentinel.TLSConfig = config, config
	return nil
}
