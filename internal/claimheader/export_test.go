package claimheader

// IsUserField is for the test of paths that [New] refuses in a template.
var IsUserField = isUserField
