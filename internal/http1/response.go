package http1

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"

	"github.com/clerkgate/clerkgate/internal/wire"
)

// readHead waits until a whole header is in the buffer, and returns its end there
// and how many lines it has.
func (c *conn) readHead(limit int) (end, lines int, err error) {
	start, seen := 0, 0 // of the line, and of what has not been searched; from c.r, which fill may move
	for {
		for {
			in := c.in[c.r:c.w]
			i := bytes.IndexByte(in[seen:], '\n')
			if i < 0 {
				seen = len(in)
				break
			}
			line := in[start : seen+i]
			seen += i + 1
			start = seen
			if start > limit {
				return 0, 0, errTooLarge
			}
			if lines > 0 && (len(line) == 0 || len(line) == 1 && line[0] == '\r') {
				return c.r + start, lines, nil
			}
			lines++
		}
		if c.w-c.r >= limit {
			return 0, 0, errTooLarge
		}
		if err := c.fill(max(limit, len(c.in))); err != nil {
			return 0, 0, err
		}
	}
}

// parse reads a header block with that many lines. Names and values share its memory.
func (a *answer) parse(block string, lines int) error {
	line, rest, err := cutLine(block)
	if err != nil {
		return err
	}
	if err := a.parseStatus(line); err != nil {
		return err
	}
	header := make(http.Header, lines-1)
	values := a.values[:]
	if lines-1 > len(values) {
		values = make([]string, lines-1)
	}
	last := ""
	for {
		if line, rest, err = cutLine(rest); err != nil {
			return err
		}
		if line == "" {
			a.res.Header = header
			return nil
		}
		if line[0] == ' ' || line[0] == '\t' {
			if err := unfold(header, last, line); err != nil {
				return err
			}
			continue
		}
		name, value, err := parseField(line)
		if dropped, ok := err.(droppedLine); ok { //nolint:errorlint // it is never wrapped
			a.dropped = dropped
			last = droppedName
			continue
		}
		if err != nil {
			return err
		}
		last = name
		if before, ok := header[name]; ok {
			header[name] = append(before, value)
			continue
		}
		values[0] = value
		header[name] = values[:1:1] // so that appending does not run into the next
		values = values[1:]
	}
}

// cutLine cuts a line and its end. A bare line feed ends a line, too, as in
// net/http; a bare carriage return is found as a control character later.
func cutLine(s string) (line, rest string, err error) {
	i := strings.IndexByte(s, '\n')
	if i < 0 {
		return "", "", malformed("a line without an end")
	}
	line, rest = s[:i], s[i+1:]
	if line != "" && line[len(line)-1] == '\r' {
		line = line[:len(line)-1]
	}
	return line, rest, nil
}

// parseStatus reads "HTTP/1.1 200 OK"; the text may be missing.
func (a *answer) parseStatus(line string) error {
	const version = len("HTTP/1.1 ")
	if len(line) < version+3 || line[:version-2] != "HTTP/1." || line[version-1] != ' ' {
		return malformed("no HTTP/1 status line")
	}
	minor := line[version-2]
	if minor != '0' && minor != '1' {
		return malformed("an unknown version")
	}
	status := line[version:]
	code := 0
	for i := range 3 {
		if status[i] < '0' || status[i] > '9' {
			return malformed("a status that is not a number")
		}
		code = 10*code + int(status[i]-'0')
	}
	if code < 100 || len(status) > 3 && status[3] != ' ' || !wire.IsValue(status) {
		return malformed("an invalid status")
	}
	a.res.Proto, a.res.ProtoMajor, a.res.ProtoMinor = line[:version-1], 1, int(minor-'0')
	a.res.Status, a.res.StatusCode = status, code
	return nil
}

// bodyKind says how a body ends.
type bodyKind uint8

const (
	bodyNone bodyKind = iota
	bodyLength
	bodyChunked
	bodyUntilClose
)

// frame finds how the response's body ends, and whether the connection may be used
// again (RFC 9112, section 6.3). It sets what net/http sets in a response, and
// removes what net/http removes from its header.
func (a *answer) frame(method string) error {
	res := &a.res
	pragma(res.Header)
	closing(res)
	chunked, err := a.takeCoding()
	if err != nil {
		return err
	}
	length, err := takeLength(res.Header)
	if err != nil {
		return err
	}
	if chunked {
		if length >= 0 {
			return malformed("both Content-Length and Transfer-Encoding")
		}
		if err := takeTrailerNames(res); err != nil {
			return err
		}
	}
	res.ContentLength = length
	switch code := res.StatusCode; {
	case method == http.MethodHead:
		a.body.kind = bodyNone
	case code < 200, code == http.StatusNoContent, code == http.StatusNotModified:
		a.body.kind, res.ContentLength = bodyNone, 0
	case chunked:
		a.body.kind = bodyChunked
	case length == 0:
		a.body.kind = bodyNone
	case length > 0:
		a.body.kind, a.body.rest = bodyLength, length
	default:
		a.body.kind, res.Close = bodyUntilClose, true
	}
	return nil
}

// pragma reads "Pragma: no-cache" as Cache-Control, as net/http does.
func pragma(h http.Header) {
	if v, ok := h["Pragma"]; ok && v[0] == "no-cache" {
		if _, ok := h["Cache-Control"]; !ok {
			h["Cache-Control"] = []string{"no-cache"}
		}
	}
}

// closing finds out whether the upstream closes the connection after this response.
func closing(res *http.Response) {
	v, ok := res.Header["Connection"]
	switch {
	case res.ProtoMinor == 0:
		res.Close = wire.HasToken(v, "close") || !wire.HasToken(v, "keep-alive")
	case ok && wire.HasToken(v, "close"):
		res.Close = true
		delete(res.Header, "Connection")
	}
}

// takeCoding reports whether the body is chunked. No other coding is accepted, not even
// a list that ends in chunked: servers in a chain that disagree about the coding disagree
// about where the response ends.
func (a *answer) takeCoding() (bool, error) {
	v, ok := a.res.Header["Transfer-Encoding"]
	if !ok {
		return false, nil
	}
	if a.res.ProtoMinor == 0 {
		return false, malformed("Transfer-Encoding in HTTP/1.0") // RFC 9112, 6.1
	}
	if len(v) != 1 || !wire.EqualFold(v[0], "chunked") {
		return false, malformed("a transfer coding other than chunked")
	}
	delete(a.res.Header, "Transfer-Encoding")
	a.coding[0] = "chunked"
	a.res.TransferEncoding = a.coding[:]
	return true, nil
}

// takeLength reads Content-Length; -1 means there is none. Repeated equal ones
// become one.
func takeLength(h http.Header) (int64, error) {
	v, ok := h["Content-Length"]
	if !ok {
		return -1, nil
	}
	for _, other := range v[1:] {
		if other != v[0] {
			return 0, malformed("several Content-Lengths")
		}
	}
	n, err := strconv.ParseUint(v[0], 10, 63)
	if err != nil {
		return 0, malformed("a Content-Length that is not a number")
	}
	if len(v) > 1 {
		h["Content-Length"] = v[:1:1]
	}
	return int64(n), nil
}

// takeTrailerNames moves the names of announced trailers to res.Trailer.
func takeTrailerNames(res *http.Response) error {
	lists, ok := res.Header["Trailer"]
	if !ok {
		return nil
	}
	delete(res.Header, "Trailer")
	trailer := make(http.Header)
	for _, list := range lists {
		for name := range strings.SplitSeq(list, ",") {
			if name = wire.Trim(name); name == "" {
				continue
			}
			name, ok := canonical(name)
			if !ok || frames(name) {
				return malformed("an invalid trailer was announced")
			}
			trailer[name] = nil
		}
	}
	if len(trailer) > 0 {
		res.Trailer = trailer
	}
	return nil
}
