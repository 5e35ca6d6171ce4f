// Package house holds no code: its tests check rules about how this module is built
// that no compiler checks. The picture is in README.md, "How it is built".
package house
