package main

import (
	"context"
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/clerkgate/clerkgate/middleware"
)

// constants are those of the product that the model is made of. They are read from its
// source, since most are not exported.
type constants struct {
	clockSkew     time.Duration
	rateWindow    time.Duration
	unknownPart   int           // of the limit, for sessions that a replica does not know
	standings     int           // how many sessions a replica knows
	outageMemory  time.Duration // for which a failed call counts as an outage
	probeEvery    time.Duration
	probeMemory   time.Duration
	leastReload   time.Duration // of a page that says that Clerk is down
	lookUpsTo     int           // look-ups leave room from lookUpsTo / lookUpsOf of the limit on
	lookUpsOf     int
	lookUpTTL     time.Duration
	lookUpPause   time.Duration
	lookUpLongest time.Duration
	lookUpCache   int
	keysTTL       time.Duration
	readPatience  time.Duration // for which a read of the shared log waits
}

// readConstants reads the constants from the source of the module that the command is run in.
func readConstants(ctx context.Context) (c constants, err error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-f", "{{.Dir}}", "github.com/clerkgate/clerkgate/middleware").Output()
	if err != nil {
		return c, fmt.Errorf("find the source of the middleware; run this in the module's folder: %w", err)
	}
	root := filepath.Dir(strings.TrimSpace(string(out)))
	m, err := newSource(filepath.Join(root, "middleware"))
	if err != nil {
		return c, err
	}
	keys, err := newSource(filepath.Join(root, "internal", "jwks"))
	if err != nil {
		return c, err
	}
	shared, err := newSource(filepath.Join(root, "internal", "shared"))
	if err != nil {
		return c, err
	}
	guard, err := newSource(filepath.Join(root, "internal", "guard"))
	if err != nil {
		return c, err
	}
	c = constants{
		clockSkew: middleware.DefaultClockSkew, rateWindow: m.duration("rateWindow"), unknownPart: int(m.int("unknownPart")),
		standings: int(m.int("standingsSize")), outageMemory: guard.duration("memory"),
		probeEvery: m.duration("probeEvery"), probeMemory: m.duration("probeMemory"), leastReload: time.Duration(m.int("leastReload")) * time.Second,
		lookUpsTo: int(m.int("lookUpsTo")), lookUpsOf: int(m.int("lookUpsOf")), lookUpTTL: middleware.DefaultSessionLookupTTL,
		lookUpPause: m.duration("lookupPause"), lookUpLongest: m.duration("lookupLongestPause"), lookUpCache: int(m.int("defaultSessionCacheSize")),
		keysTTL: keys.duration("defaultTTL"), readPatience: shared.duration("readPatience"),
	}
	for _, s := range []*source{m, keys, shared, guard} {
		if s.missing != "" {
			return c, fmt.Errorf("%s has no constant %s", s.dir, s.missing)
		}
	}
	return c, nil
}

// source is the constants of one package.
type source struct {
	dir     string
	scope   *types.Scope
	missing string
}

// newSource reads a package as far as its constants need it: they use nothing but package time.
func newSource(dir string) (*source, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	fset := token.NewFileSet()
	var parsed []*ast.File
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, file, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		parsed = append(parsed, f)
	}
	config := types.Config{Importer: onlyTime{}, Error: func(error) {}, IgnoreFuncBodies: true}
	pkg, _ := config.Check(dir, fset, parsed, nil) // what uses other packages has errors, constants do not
	return &source{dir: dir, scope: pkg.Scope()}, nil
}

// onlyTime imports package time, as far as constants use it.
type onlyTime struct{}

func (onlyTime) Import(path string) (*types.Package, error) {
	if path != "time" {
		return nil, fmt.Errorf("%s is not needed", path)
	}
	pkg := types.NewPackage("time", "time")
	name := types.NewTypeName(token.NoPos, pkg, "Duration", nil)
	duration := types.NewNamed(name, types.Typ[types.Int64], nil)
	pkg.Scope().Insert(name)
	for unit, d := range map[string]time.Duration{
		"Nanosecond": time.Nanosecond, "Microsecond": time.Microsecond, "Millisecond": time.Millisecond,
		"Second": time.Second, "Minute": time.Minute, "Hour": time.Hour,
	} {
		pkg.Scope().Insert(types.NewConst(token.NoPos, pkg, unit, duration, constant.MakeInt64(int64(d))))
	}
	pkg.MarkComplete()
	return pkg, nil
}

func (s *source) int(name string) int64 {
	if c, ok := s.scope.Lookup(name).(*types.Const); ok {
		if n, exact := constant.Int64Val(constant.ToInt(c.Val())); exact {
			return n
		}
	}
	s.missing = name
	return 1
}

func (s *source) duration(name string) time.Duration { return time.Duration(s.int(name)) }
