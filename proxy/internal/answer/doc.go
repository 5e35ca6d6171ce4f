// Package answer writes clerkgate's own responses.
//
// [Pages.Refuse] sends people a page, and programs JSON in the error format of Clerk's APIs.
// [Pages.Show] always sends a page, and [RefuseJSON] always JSON. Pages are clerkgate's own,
// or made from templates of [LoadTemplates]. An [Error] is a failure with its response. No
// cache may store these responses, and they never repeat what the client wrote.
package answer
