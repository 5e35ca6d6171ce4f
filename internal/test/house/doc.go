// Package house holds no code: its tests keep the rules of how this module is
// built, which no compiler checks. The picture is in README.md, "How it is built".
package house
