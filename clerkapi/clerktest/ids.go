package clerktest

import "crypto/rand"

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// newID makes an id of Clerk's shape: prefix, underscore, 27 word characters.
func newID(prefix string) string { return prefix + "_" + randomWord(27) }

// randomWord makes n random letters and digits, about 5.9 bits each.
func randomWord(n int) string {
	word := make([]byte, 0, n)
	var buf [64]byte
	for len(word) < n {
		_, _ = rand.Read(buf[:]) // never fails: it stops the program instead
		for _, b := range buf {
			// 248 is the largest multiple of 62 in a byte: beyond it the choice would not be even.
			if b < 248 && len(word) < n {
				word = append(word, alphabet[b%62])
			}
		}
	}
	return string(word)
}
