package users

// FieldsOf is for the test of what leaves this package at all: claimheader refuses
// templates with private metadata, so that no header would show it.
var FieldsOf = fieldsOf
