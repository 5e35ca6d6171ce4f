package routes

import _ "embed"

//go:embed schema.json
var schema string

// Schema is the JSON schema (2020-12) of a routes file, for editors and for checks
// without clerkgate. What needs a look at the whole file, [Parse] alone can find.
func Schema() []byte { return []byte(schema) }
