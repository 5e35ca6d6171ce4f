// Package javascript reads numbers, text and JSON values the way JavaScript does,
// where Go's own reading differs: Clerk's SDK, whose decisions are followed here, is
// written in it.
//
// [Value] is a part of JSON text with JavaScript's notions of truth and of numbers;
// [WalkObject] finds such parts. [Number], [ParseInt] and [FormatNumber] convert text,
// [DecodeText], [ReplaceInvalid] and [IsSpace] say what text is.
package javascript
