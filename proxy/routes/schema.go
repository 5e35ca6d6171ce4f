package routes

import _ "embed"

//go:embed schema.json
var schema string

// Schema returns the JSON schema (2020-12) of a routes file, for editors and for checks
// without clerkgate. Only [Parse] finds problems that concern several keys.
func Schema() []byte { return []byte(schema) }
