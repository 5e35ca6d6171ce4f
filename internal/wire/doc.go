// Package wire is the grammar of HTTP for all of clerkgate: tokens and list members,
// values, hosts and ports, and who may write which header: the connection, a proxy, or
// clerkgate itself.
//
// It has one answer to each question, so that no two parts of clerkgate can read the
// same bytes in two ways. Where security depends on a header's name, it is compared in
// its normal form: CGI and its successors turn every byte that is neither letter nor
// digit into an underscore, so that X_Clerk_User_Id and X.Clerk.User.Id are the same
// header to them (CVE-2025-64484, GHSA-vjrc-mh2v-45x6).
//
// All functions are pure and safe for concurrent use.
package wire
