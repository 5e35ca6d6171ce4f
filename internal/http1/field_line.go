package http1

import (
	"net/http"
	"strings"

	"github.com/clerkgate/clerkgate/internal/wire"
)

// Applications send header lines that are not valid HTTP, and browsers, HAProxy and
// net/http tolerate some of them. A response is refused only for a line that
// could change where it ends, or smuggle something past a reader of the header;
// other faults cost only that one line, as this table says.
//
//	X-Old : 1          the space is removed (RFC 9112, section 5.1)
//	X-Long: 1<CRLF> 2  the fold becomes a space (RFC 9112, section 5.2)
//	Secured by: x      dropped, as every name that is not a token
//	no colon at all    dropped
//	any of these faults in Content-Length, Transfer-Encoding and the like: refused
//	control characters: refused

// droppedLine says why a header line was left out. The text quotes nothing of the
// response, which may be secret.
type droppedLine string

func (e droppedLine) Error() string { return "http1: dropped from the answer: " + string(e) }

const (
	droppedColon = droppedLine("a header line without a colon")
	droppedToken = droppedLine("a header line whose name is not a token")
)

// droppedName stands for the name of a line that was dropped, so that a line folded
// onto it is dropped too. It is not a token.
const droppedName = " "

// parseStrictField reads a line of a trailer, where nothing is corrected.
func parseStrictField(line string) (name, value string, err error) {
	name, value, colon := strings.Cut(line, ":")
	name, token := canonical(name)
	if !colon || !token {
		return "", "", malformed("a trailer line whose name is not a token")
	}
	if !wire.IsValue(value) {
		return "", "", malformed("control characters in a trailer")
	}
	return name, wire.Trim(value), nil
}

// parseField reads a header line. The error is a [droppedLine] where the response can
// do without the line.
func parseField(line string) (name, value string, err error) {
	name, value, ok := strings.Cut(line, ":")
	if !wire.IsValue(value) {
		return "", "", malformed("control characters in a header")
	}
	if !ok {
		return "", "", withoutLine(line, droppedColon)
	}
	if canonicalName, ok := canonical(name); ok {
		return canonicalName, wire.Trim(value), nil
	}
	bare := strings.TrimRight(name, " \t")
	canonicalName, ok := canonical(bare)
	if !ok {
		return "", "", withoutLine(name, droppedToken)
	}
	if framesLoosely(bare) {
		return "", "", malformed("space before the colon of a header that says where the answer ends")
	}
	return canonicalName, wire.Trim(value), nil
}

// withoutLine drops a line that begins with text, unless it could be taken for one that
// frames the response.
func withoutLine(text string, why droppedLine) error {
	switch {
	case !wire.IsValue(text):
		return malformed("control characters in a header")
	case framesLoosely(text):
		return malformed("a misspelled header that says where the answer ends")
	}
	return why
}

// framesLoosely reports whether the letters that text begins with are those of a
// header that says how a response is framed, whatever stands between them.
func framesLoosely(text string) bool {
	for _, name := range [...]string{"contentlength", "transferencoding", "connection", "upgrade", "trailer"} {
		n := 0
		for i := 0; i < len(text) && n < len(name); i++ {
			c := text[i] | 0x20
			if c < 'a' || c > 'z' {
				continue
			}
			if c != name[n] {
				break
			}
			n++
		}
		if n == len(name) {
			return true
		}
	}
	return false
}

// unfold appends a folded line to the header that came last.
func unfold(h http.Header, last, line string) error {
	switch {
	case last == "":
		return malformed("a folded line before the first header")
	case !wire.IsValue(line):
		return malformed("control characters in a header")
	case last == droppedName:
		return nil
	case framesLoosely(last):
		return malformed("a folded header that says where the answer ends")
	}
	values := h[last]
	values[len(values)-1] = wire.Trim(values[len(values)-1] + " " + wire.Trim(line))
	return nil
}
