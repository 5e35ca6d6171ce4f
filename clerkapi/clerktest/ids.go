package clerktest

import "crypto/rand"

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// newID returns an id in Clerk's format: prefix, underscore, 27 letters and digits.
func newID(prefix string) string { return prefix + "_" + randomWord(27) }

// randomWord returns n random letters and digits, with about 5.9 bits each.
func randomWord(n int) string {
	word := make([]byte, 0, n)
	var buf [64]byte
	for len(word) < n {
		_, _ = rand.Read(buf[:]) // never fails: it crashes the program instead
		for _, b := range buf {
			// 248 is the largest multiple of 62 in a byte; greater values would not be uniform.
			if b < 248 && len(word) < n {
				word = append(word, alphabet[b%62])
			}
		}
	}
	return string(word)
}
