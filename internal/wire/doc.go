// Package wire is the grammar of HTTP as every door of clerkgate reads it: tokens and
// list members, values, hosts and ports, and which header names are the connection's,
// a proxy's or clerkgate's own to write.
//
// It has one answer to each question, so that no two parts of clerkgate can read the
// same bytes in two ways. Where a name decides, it is compared in its normal form: CGI
// and its heirs turn every byte of a header's name that is neither letter nor digit
// into an underscore, so that X_Clerk_User_Id and X.Clerk.User.Id are the same header
// to them (CVE-2025-64484, GHSA-vjrc-mh2v-45x6).
//
// All functions are pure and safe for concurrent use.
package wire
