package settings

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/clerkgate/clerkgate/internal/clerkenv"
	"github.com/clerkgate/clerkgate/internal/listen"
	"github.com/clerkgate/clerkgate/internal/problem"
)

// value is a field of a [Config] that a variable fills, and how it is read.
type value struct {
	kind     string // what it is, in words
	standard string // the default, as it would be written; "" for none
	// set fills the field from a text that is not empty. If the text has a problem, set
	// reports it and leaves the field as it is.
	set func(text string, report func(error))
	// fallback sets the field to its default if it is empty.
	fallback func()
	// text returns the content of the field, so that a change can be detected.
	text func() string
}

// parsed is a field that is filled by read. empty reports which values count as not set.
func parsed[T any](p *T, kind, standard string, empty func(T) bool, read func(string) (T, error)) value {
	return value{
		kind: kind, standard: standard,
		set: func(text string, report func(error)) {
			v, err := read(text)
			if err != nil {
				report(err)
				return
			}
			*p = v
		},
		fallback: func() {
			if !empty(*p) {
				return
			}
			var zero T
			*p = zero
			if standard != "" {
				*p, _ = read(standard) // a test reads the default of every row
			}
		},
		text: func() string { return fmt.Sprint(*p) },
	}
}

func isZero[T comparable](v T) bool { var zero T; return v == zero }

func notPositive[T cmp.Ordered](v T) bool { var zero T; return v <= zero }

// expected returns the problem of a text that is not as expected.
func expected(text, want string) error {
	return &problem.Problem{Found: problem.Quote(text), Want: want}
}

// text is a field that takes any text.
func text(p *string, kind, standard string) value {
	return parsed(p, kind, standard, isZero, func(s string) (string, error) { return s, nil })
}

// pemFile is a field that names a file. [loader.together] reads the file.
func pemFile(p *string) value { return text(p, "file, in PEM", "") }

// choice is a field for one of several words. An empty standard means no default.
func choice[T comparable](p *T, standard string, words []string, read func(word string) T) value {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = "`" + w + "`"
	}
	return parsed(p, problem.OneOf(quoted), standard, isZero, func(s string) (v T, err error) {
		if !slices.Contains(words, s) {
			return v, expected(s, problem.OneOf(words))
		}
		return read(s), nil
	})
}

// word is a choice whose words are the values of the field; the first is the default.
func word[T ~string](p *T, words ...T) value {
	return choice(p, string(words[0]), texts(words), func(s string) T { return T(s) })
}

// optionalWord is a choice without a default.
func optionalWord[T ~string](p *T, words ...T) value {
	return choice(p, "", texts(words), func(s string) T { return T(s) })
}

func texts[T ~string](words []T) []string {
	all := make([]string, len(words))
	for i, w := range words {
		all[i] = string(w)
	}
	return all
}

func boolean(p *bool) value {
	return parsed(p, "`true` or `false`", "false", isZero, clerkenv.Bool)
}

func duration(p *time.Duration, standard string) value {
	return parsed(p, "duration", standard, notPositive, readDuration)
}

func readDuration(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		return 0, expected(s, "a duration above zero, such as 5s or 1m30s")
	}
	return d, nil
}

// readDelay reads a duration that may be zero.
func readDelay(s string) (time.Duration, error) {
	if d, err := time.ParseDuration(s); err == nil && d == 0 {
		return 0, nil
	}
	return readDuration(s)
}

// number is a field for a whole number from 1 to most.
func number(p *int, standard string, most int) value {
	return parsed(p, "number", standard, notPositive, func(s string) (int, error) {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > most {
			return 0, expected(s, "a number from 1 to "+strconv.Itoa(most))
		}
		return n, nil
	})
}

// size is a field for a number of bytes, such as 65536, 64KiB or 10MiB.
func size[T int | int64](p *T, standard string, least, most int64) value {
	return parsed(p, "size", standard, notPositive, func(s string) (T, error) {
		n, unit := s, int64(1)
		for suffix, bytes := range map[string]int64{"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30} {
			if rest, ok := strings.CutSuffix(s, suffix); ok {
				n, unit = strings.TrimSpace(rest), bytes
			}
		}
		v, err := strconv.ParseInt(n, 10, 64)
		if err != nil || v < 1 || v > most/unit || v*unit < least {
			return 0, expected(s, "a size from "+strconv.FormatInt(least, 10)+" bytes, such as 64KiB or 10MiB")
		}
		return T(v * unit), nil
	})
}

// addresses is a field for addresses to listen on.
func addresses(p *[]string, standard string) value {
	return list(p, "addresses", standard, func(s string) (string, error) {
		if _, err := listen.Parse(s); err != nil {
			return "", expected(s, listen.Forms)
		}
		return s, nil
	})
}

// list is a field for texts that are separated by commas. read reads each of them.
func list[T any](p *[]T, kind, standard string, read func(string) (T, error)) value {
	items := func(text string, report func(error)) []T {
		var all []T
		for item := range strings.SplitSeq(text, ",") {
			if item = strings.TrimSpace(item); item == "" {
				continue
			}
			v, err := read(item)
			if err != nil {
				report(err)
				continue
			}
			all = append(all, v)
		}
		return all
	}
	return value{
		kind: "list of " + kind, standard: standard,
		set: func(text string, report func(error)) { *p = items(text, report) },
		fallback: func() {
			if len(*p) == 0 {
				*p = items(standard, func(error) {})
			}
		},
		text: func() string { return fmt.Sprint(*p) },
	}
}

func unchecked(s string) (string, error) { return s, nil }

// readPeers reads a network, or one address.
func readPeers(s string) (netip.Prefix, error) {
	prefix, err := netip.ParsePrefix(s)
	if addr, addrErr := netip.ParseAddr(s); addrErr == nil {
		prefix, err = netip.PrefixFrom(addr.WithZone(""), addr.BitLen()), nil
	}
	if err != nil {
		return netip.Prefix{}, expected(s, "networks or addresses, such as 10.0.0.0/8, 192.0.2.7")
	}
	// ::ffff:10.0.0.0/104 and 10.0.0.0/8 are the same peers.
	if addr := prefix.Addr(); addr.Is4In6() && prefix.Bits() >= 96 {
		prefix = netip.PrefixFrom(addr.Unmap(), prefix.Bits()-96)
	}
	return prefix.Masked(), nil
}
