package differential_test

import (
	"fmt"
	"math/rand/v2"
)

// dice is the only source of randomness, so that a seed determines the run.
type dice struct{ *rand.Rand }

func newDice(seed uint64) dice { return dice{rand.New(rand.NewPCG(seed, 0xc1e4))} }

// percent is true n times in a hundred.
func (d dice) percent(n int) bool { return d.IntN(100) < n }

// id returns a fresh identifier, so that no two requests share cached answers.
func (d dice) id(prefix string) string {
	const letters = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"
	b := make([]byte, 10)
	for i := range b {
		b[i] = letters[d.IntN(len(letters))]
	}
	return fmt.Sprintf("%s_%s", prefix, b)
}

func pick[T any](d dice, from ...T) T { return from[d.IntN(len(from))] }

// named is a value of a dimension; its name is printed when a case differs.
type named[T any] struct {
	name  string
	value T
}

// weighted picks one of a few usual values most of the time.
func weighted[T any](d dice, usualPercent int, usual, odd []named[T]) named[T] {
	if d.percent(usualPercent) {
		return pick(d, usual...)
	}
	return pick(d, odd...)
}
