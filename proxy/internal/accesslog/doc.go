// Package accesslog writes one line for each request that has ended.
//
// The caller takes an [Entry] from [Log.Entry], fills it, and passes it to [Log.Write],
// which formats it without an allocation and hands it to the writer in one call. The writer
// must not block: package logsink has one.
//
// A line never holds a query, a cookie or a header with credentials. What a client chose
// (path, host, user agent, referer) is bounded and escaped, so that nobody can write lines of
// his own or control a terminal, and texts that look like tokens or keys are left out of it.
//
// [Fields] is the table that formats, configuration and documentation are made of.
package accesslog
