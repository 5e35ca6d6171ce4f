package certificate

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// checkInterval is how long the files are believed not to have changed.
const checkInterval = time.Second

// Options configure a [Pair].
type Options struct {
	// CertificateFile holds the certificate and its chain, KeyFile its private key,
	// both in PEM; they may be one file.
	CertificateFile, KeyFile string
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Logger is told of new pairs and of bad ones; nil is silent.
	Logger *slog.Logger
}

// Pair is a certificate with its key. It is safe for concurrent use.
type Pair struct {
	opts    Options
	current atomic.Pointer[tls.Certificate]
	checked atomic.Int64 // when the files were looked at last, in nanoseconds

	mu      sync.Mutex
	content contents // of current
	failure string   // what was logged last, so that it is logged once
}

// contents tells two states of the files apart without keeping a key in memory.
type contents struct{ certificate, key [sha256.Size]byte }

// Load reads the pair. What is wrong with it comes as an [*Error].
func Load(opts Options) (*Pair, error) {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	p := &Pair{opts: opts}
	p.checked.Store(opts.Now().UnixNano())
	if err := p.Reload(); err != nil {
		return nil, err
	}
	return p, nil
}

// GetCertificate is for [tls.Config.GetCertificate]. It never fails: the pair that
// was good once goes on until a better one comes.
func (p *Pair) GetCertificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	return p.fresh(hello.Context()), nil
}

// GetClientCertificate is for [tls.Config.GetClientCertificate].
func (p *Pair) GetClientCertificate(request *tls.CertificateRequestInfo) (*tls.Certificate, error) {
	return p.fresh(request.Context()), nil
}

// fresh looks at the files when it is time to. One handshake does; the others,
// meanwhile, take what there is.
func (p *Pair) fresh(ctx context.Context) *tls.Certificate {
	now, last := p.opts.Now().UnixNano(), p.checked.Load()
	due := now-last >= int64(checkInterval) || now < last // the clock was set back
	if due && p.checked.CompareAndSwap(last, now) {
		p.look(ctx)
	}
	return p.current.Load()
}

// look is Reload with a log line in place of an error.
func (p *Pair) look(ctx context.Context) {
	err := p.Reload()
	failure := ""
	if err != nil {
		failure = err.Error()
	}
	p.mu.Lock()
	news := failure != p.failure
	p.failure = failure
	p.mu.Unlock()
	if news && err != nil {
		p.opts.Logger.LogAttrs(ctx, slog.LevelError, "the new certificate cannot be used; the old one goes on",
			slog.String("error", failure))
	}
}

// Reload reads the files now. With an error the old pair goes on.
func (p *Pair) Reload() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	certPEM, err := readBounded(p.opts.CertificateFile)
	if err != nil {
		return &Error{File: p.opts.CertificateFile, Err: err}
	}
	keyPEM, err := readBounded(p.opts.KeyFile)
	if err != nil {
		return &Error{File: p.opts.KeyFile, Key: true, Err: err}
	}
	content := contents{sha256.Sum256(certPEM), sha256.Sum256(keyPEM)}
	if content == p.content {
		return nil
	}
	pair, err := p.parse(certPEM, keyPEM)
	if err != nil {
		return err
	}
	first := p.current.Swap(pair) == nil
	p.content = content
	p.report(pair, first)
	return nil
}

func (p *Pair) report(pair *tls.Certificate, first bool) {
	leaf := pair.Leaf
	log := p.opts.Logger.With("file", p.opts.CertificateFile, "not_after", leaf.NotAfter)
	switch {
	case !p.opts.Now().Before(leaf.NotAfter):
		// Clients will refuse it, but another pair may be on its way, and no
		// certificate at all serves nobody either.
		log.Warn("the certificate has expired")
	case first:
		log.Debug("certificate loaded")
	default:
		log.Info("certificate renewed")
	}
}
