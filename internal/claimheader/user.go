package claimheader

import (
	"encoding/json"
	"strings"
)

// User are the fields of Clerk's user that headers may have.
type User struct {
	fields json.RawMessage // an object
}

// NewUser returns a user with these fields, an object that is valid JSON. Which fields
// count says [Set.AsksUser].
func NewUser(fields json.RawMessage) *User { return &User{fields} }

// isUserField reports whether Clerk's user may have the field at a path.
func isUserField(path string) bool {
	switch path {
	case "id", "email", "phone", "username", "first_name", "last_name", "image_url", "external_id":
		return true
	}
	return path == "public_metadata" || strings.HasPrefix(path, "public_metadata.")
}
