package wire

// Filter tells which of a client's headers an application may see. It is immutable and
// safe for concurrent use, and its methods do not allocate.
type Filter struct {
	// lengths has, for each first letter, a bit for each length of a name in names. Nearly
	// every header passes by this check alone.
	lengths  [26]uint64
	names    map[string]ruling // by the normal form
	families [26][]family      // by the first letter; those that begin with none are in odd
	odd      []family
}

// ruling is what is known about a name.
type ruling struct {
	whose Whose
	kept  string // the spelling in which a configuration lets it pass; "" for none
}

type family struct {
	prefix string // in normal form
	whose  Whose
}

// maxInPlace is how long a name may be to be looked up without an allocation. No row of
// the table is longer.
const maxInPlace = 64

// NewFilter makes the filter of [BelievedHeaders]. own are headers that are written
// here as well. kept are headers that pass from everybody, in this spelling alone,
// though they are believed; of those that are written here, none can be kept.
func NewFilter(own, kept []string) *Filter {
	f := &Filter{names: make(map[string]ruling)}
	for i := range believed {
		b := &believed[i]
		if normal := NormalName(b.Name); b.isFamily() {
			f.addFamily(family{normal, b.Whose})
		} else {
			f.add(normal, ruling{whose: b.Whose})
		}
	}
	for _, name := range [...]string{
		"connection", "keep-alive", "proxy", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
	} {
		f.add(name, ruling{whose: Us})
	}
	for _, name := range kept {
		if whose := f.Whose(name); whose != Us {
			f.add(NormalName(name), ruling{whose, name})
		}
	}
	for _, name := range own {
		f.add(NormalName(name), ruling{whose: Us})
	}
	return f
}

func (f *Filter) add(normal string, r ruling) {
	f.names[normal] = r
	if i := normal[0] - 'a'; i < 26 {
		f.lengths[i] |= 1 << (len(normal) & 63)
	}
}

func (f *Filter) addFamily(of family) {
	if i := of.prefix[0] - 'a'; i < 26 {
		f.families[i] = append(f.families[i], of)
	} else {
		f.odd = append(f.odd, of)
	}
}

// Passes reports whether a header of a client may pass; trusted says that the client is
// a trusted proxy.
//
// A proxy can be expected to overwrite a header in its usual spelling. A name that only a
// CGI application would read as the same, such as CF_Connecting_IP, is that of the
// proxy's own client.
func (f *Filter) Passes(name string, trusted bool) bool {
	r, suspect := f.ruling(name)
	switch {
	case !suspect:
		return true
	case r.kept != "":
		return EqualFold(name, r.kept)
	default:
		return r.whose == Proxies && trusted && hyphenated(name)
	}
}

// Whose says who may write a header.
func (f *Filter) Whose(name string) Whose {
	r, _ := f.ruling(name)
	return r.whose
}

func (f *Filter) ruling(name string) (r ruling, suspect bool) {
	if name == "" {
		return ruling{}, false
	}
	families, known := f.odd, true
	if i := (name[0] | 0x20) - 'a'; i < 26 {
		families = f.families[i]
		known = f.lengths[i]>>(len(name)&63)&1 != 0
	}
	if known {
		if r, suspect = f.lookUp(name); suspect {
			return r, true
		}
	}
	for _, of := range families {
		if HasNormalPrefix(name, of.prefix) {
			return ruling{whose: of.whose}, true
		}
	}
	return ruling{}, false
}

func (f *Filter) lookUp(name string) (r ruling, ok bool) {
	if len(name) > maxInPlace {
		r, ok = f.names[NormalName(name)]
		return r, ok
	}
	var normal [maxInPlace]byte
	for i := range len(name) {
		normal[i] = normalByte(name[i])
	}
	r, ok = f.names[string(normal[:len(name)])]
	return r, ok
}

// hyphenated reports whether a name is spelled as proxies spell it.
func hyphenated(name string) bool {
	for i := range len(name) {
		if c := name[i]; c != '-' && c != '$' && normalByte(c) == '-' {
			return false
		}
	}
	return true
}
