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

// checkInterval is the shortest time between two checks of the files.
const checkInterval = time.Second

// Options configure a [Pair].
type Options struct {
	// CertificateFile holds the certificate and its chain, KeyFile its private key,
	// both in PEM; they may be one file.
	CertificateFile, KeyFile string
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Logger receives messages about new and unusable pairs; nil logs nothing.
	Logger *slog.Logger
}

// Pair is a certificate with its key. It is safe for concurrent use.
type Pair struct {
	opts    Options
	current atomic.Pointer[tls.Certificate]
	checked atomic.Int64 // when the files were last checked, in Unix nanoseconds

	mu      sync.Mutex
	content contents // of current
	failure string   // logged last, so that it is logged only once
}

// contents are hashes of the files, which do not keep the key in memory.
type contents struct{ certificate, key [sha256.Size]byte }

// Load reads the pair. The error is an [*Error].
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

// Expiry returns when the certificate in use expires.
func (p *Pair) Expiry() time.Time { return p.fresh(context.Background()).Leaf.NotAfter }

// GetCertificate is for [tls.Config.GetCertificate]. It never fails: the last usable
// pair remains in use until there is a new one.
func (p *Pair) GetCertificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	return p.fresh(hello.Context()), nil
}

// GetClientCertificate is for [tls.Config.GetClientCertificate]. It never fails.
func (p *Pair) GetClientCertificate(request *tls.CertificateRequestInfo) (*tls.Certificate, error) {
	return p.fresh(request.Context()), nil
}

// fresh returns the certificate, after checking the files if that is due. Only one
// handshake checks; the others use the current certificate meanwhile.
func (p *Pair) fresh(ctx context.Context) *tls.Certificate {
	now, last := p.opts.Now().UnixNano(), p.checked.Load()
	due := now-last >= int64(checkInterval) || now < last // the clock was set back
	if due && p.checked.CompareAndSwap(last, now) {
		p.look(ctx)
	}
	return p.current.Load()
}

// look is [Pair.Reload] with a log line instead of an error.
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
		p.opts.Logger.LogAttrs(ctx, slog.LevelError, "the new certificate cannot be used; the old one remains in use",
			slog.String("error", failure))
	}
}

// Reload reads the files now. If it returns an error, the old pair remains in use.
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
		// Clients will refuse it, but a new pair may come soon, and having no
		// certificate is no better.
		log.Warn("the certificate has expired")
	case first:
		log.Debug("certificate loaded")
	default:
		log.Info("certificate renewed")
	}
}
