package auditlog

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// maxLine bounds a line, in bytes.
const maxLine = 64 << 10

// lastOf returns the end of the chain in a file. torn reports that the file does not end
// with the end of a line. It reads the end of the file alone.
func lastOf(f *os.File) (c chain, torn bool, err error) {
	info, err := f.Stat()
	if err != nil {
		return chain{}, false, err
	}
	size := min(info.Size(), 2*maxLine)
	if size == 0 || !info.Mode().IsRegular() {
		return newChain(), false, nil
	}
	end := make([]byte, size)
	if _, err := f.ReadAt(end, info.Size()-size); err != nil && !errors.Is(err, io.EOF) {
		return chain{}, false, err
	}
	whole := end[:bytes.LastIndexByte(end, '\n')+1]
	torn = len(whole) < len(end)
	for len(whole) > 0 {
		whole = whole[:len(whole)-1]
		line := whole[bytes.LastIndexByte(whole, '\n')+1:]
		if r, err := parse(line); err == nil {
			return chain{seq: r.Seq, hash: sum(line)}, torn, nil
		}
		// A line that was torn and ended, if the one after it could not be written.
		whole = whole[:len(whole)-len(line)]
	}
	if torn && info.Size() < maxLine {
		return newChain(), true, nil // the first line of all is torn
	}
	return chain{}, false, errNoRecord
}

// Problem is something wrong with an audit log.
type Problem struct {
	File string
	Line int // from 1
	Text string
}

func (p Problem) String() string { return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Text) }

// Result is what [Verify] has found.
type Result struct {
	Lines    int
	Lost     int    // events that the log says it lost
	Seq      uint64 // of the last line
	Hash     string // of the last line, to be kept elsewhere
	Problems []Problem
}

// Verifier checks the files of one log in their order. The zero value is ready for the first.
type Verifier struct {
	Result
	last   chain
	begun  bool
	tornAt int
	inFile string
}

// Verify checks the next file. The error is one of reading; what is wrong with the lines is
// in v.Problems.
func (v *Verifier) Verify(name string, r io.Reader) error {
	v.inFile = name
	in := bufio.NewReaderSize(r, maxLine)
	for n := 1; ; n++ {
		line, err := in.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			v.problem(n, "the line is too long")
			if err := skipLine(in); err != nil {
				return v.ended(err)
			}
			continue
		case errors.Is(err, io.EOF) && len(line) > 0:
			v.Lines++
			v.problem(n, "the line is not whole: the program ended while it wrote, or the end of the file is missing")
			return nil
		case err != nil:
			return v.ended(err)
		}
		v.Lines++
		v.line(n, bytes.TrimSuffix(line, []byte("\n")))
	}
}

func (v *Verifier) ended(err error) error {
	if v.tornAt > 0 {
		v.problem(v.tornAt, "the line is not a line of an audit log")
		v.tornAt = 0
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

func skipLine(in *bufio.Reader) error {
	for {
		_, err := in.ReadSlice('\n')
		if !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
	}
}

// line checks one line.
func (v *Verifier) line(n int, line []byte) {
	r, err := parse(line)
	if err != nil {
		if v.tornAt > 0 {
			v.problem(v.tornAt, "the line is not a line of an audit log")
		}
		v.tornAt = n // unless the next one says so
		return
	}
	if v.tornAt > 0 && !r.Torn {
		v.problem(v.tornAt, "the line is not a line of an audit log")
	}
	v.tornAt = 0
	v.follows(n, &r)
	if r.Kind == Lost {
		v.Lost += r.Count
	}
	v.last, v.begun = chain{seq: r.Seq, hash: sum(line)}, true
	v.Seq, v.Hash = v.last.seq, v.last.hash
}

// follows checks that a line continues the chain.
func (v *Verifier) follows(n int, r *record) {
	switch {
	case !v.begun:
		if first := newChain(); r.Seq == 1 && r.Prev != first.hash {
			v.problem(n, "the first line of a chain names a line before it")
		}
	case r.Seq == 1 && r.Prev == newChain().hash:
		v.problem(n, "a new chain begins: the file was replaced or emptied")
	case r.Seq > v.last.seq+1:
		v.problem(n, fmt.Sprintf("lines are missing: after number %d comes %d", v.last.seq, r.Seq))
	case r.Seq < v.last.seq+1:
		v.problem(n, fmt.Sprintf("lines are repeated or out of order: after number %d comes %d", v.last.seq, r.Seq))
	case r.Prev != v.last.hash:
		v.problem(n, "the line before was changed: its hash is not the one that this line names")
	}
}

func (v *Verifier) problem(n int, text string) {
	v.Problems = append(v.Problems, Problem{File: v.inFile, Line: n, Text: text})
}
