// Package answer writes the answers that clerkgate gives in its own name.
//
// [Pages.Refuse] answers people with a page and programs with JSON in the error shape of
// Clerk's APIs; [Pages.Show] answers with a page, and [RefuseJSON] with JSON, whoever
// asked. A page is clerkgate's own or made from a template of [LoadTemplates]. An [Error]
// is a failure that knows how it is to be answered. Nothing here may be stored by a cache,
// and nothing repeats what a stranger wrote.
package answer
