package forward

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// stream is a few frames of every form of header, and where each ends.
func stream() (text string, ends []int) {
	for _, frame := range []string{
		"\x81\x05hello", // a text of one frame
		"\x89\x00",      // a ping without a payload
		"\x02\x7e\x01\x00" + strings.Repeat("x", 256),                         // the first fragment of a message, with a length of 16 bits
		"\x8a\x83mask\x01\x02\x03",                                            // a masked pong in the middle of the message
		"\x80\x7f\x00\x00\x00\x00\x00\x00\x00\x80" + strings.Repeat("y", 128), // the last fragment, with a length of 64 bits
	} {
		text += frame
		ends = append(ends, len(text))
	}
	return text, ends
}

// Wherever the server goes away, the client gets whole frames and then the close frame.
func TestCloseFrameStandsBetweenFrames(t *testing.T) {
	t.Parallel()
	text, ends := stream()
	for at := range len(text) + 1 {
		for _, size := range []int{1, 3, len(text)} {
			var got bytes.Buffer
			c := &closable{Writer: &got}
			write := func(part string) {
				for len(part) > 0 {
					n, err := c.Write([]byte(part[:min(size, len(part))]))
					require.NoError(t, err)
					require.Equal(t, min(size, len(part)), n)
					part = part[n:]
				}
			}
			write(text[:at])
			assert.Equal(t, text[:at], got.String())
			require.NoError(t, c.End(goingAway))
			write(text[at:])
			end := at
			for i := len(ends) - 1; i >= 0 && ends[i] >= at && at > 0; i-- {
				end = ends[i]
			}
			require.Equal(t, text[:end]+"\x88\x02\x03\xe9", got.String(), "at %d in pieces of %d", at, size)
		}
	}
}

func TestNoSecondCloseFrame(t *testing.T) {
	t.Parallel()
	for _, theirs := range []string{"\x88\x02\x03\xe8", "\x88\x00"} {
		var got bytes.Buffer
		c := &closable{Writer: &got}
		_, err := c.Write([]byte(theirs))
		require.NoError(t, err)
		require.NoError(t, c.End(goingAway))
		require.NoError(t, c.End(goingAway))
		assert.Equal(t, theirs, got.String())
	}
}

type broken struct{ left int }

func (b *broken) Write(p []byte) (int, error) {
	if len(p) > b.left {
		return b.left, errors.New("broken")
	}
	b.left -= len(p)
	return len(p), nil
}

func TestCloseFrameOnABrokenConnection(t *testing.T) {
	t.Parallel()
	c := &closable{Writer: &broken{left: 4}}
	n, err := c.Write([]byte("\x81\x05hello"))
	require.Error(t, err)
	assert.Equal(t, 4, n)
	require.Error(t, (&closable{Writer: &broken{left: 1}}).End(goingAway))
}
