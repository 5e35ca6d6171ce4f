// Package javascript reads numbers, text and JSON values as JavaScript does where Go
// differs, because clerkgate makes the same decisions as Clerk's SDK, which is written
// in JavaScript.
//
// [Value] is a JSON value with JavaScript's rules for truthiness and conversion to
// numbers; [WalkObject] finds the members of an object. [Number], [ParseInt] and
// [FormatNumber] convert between text and numbers; [DecodeText], [ReplaceInvalid] and
// [IsSpace] treat text as JavaScript does.
package javascript
