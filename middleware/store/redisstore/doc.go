// Package redisstore shares what replicas need through Redis 6.2 or later, or Valkey: one
// server, servers with Sentinel, or a cluster.
//
// [New] takes a URL:
//
//	redis://user:password@host:6379/0                     one server; user, password, port and database may be missing
//	unix:/run/redis.sock?user=app                         one server at a Unix socket
//	redis+sentinel://host:26379,host:26379/mymaster/0     the master that Sentinels name
//	redis+cluster://host:6379,host:6379                   a cluster, found through any of its nodes
//
// With rediss in place of redis, connections are made over TLS 1.2 or later. These may follow
// behind a question mark, separated by "&":
//
//	user, password_file                      for servers; the file is read for each connection
//	db                                       the number of the database
//	sentinel_user, sentinel_password_file    for Sentinels
//	ca                                       a file of authorities, in PEM, in place of the system's
//	cert, key                                files of a client certificate, in PEM
//	server_name                              the name that the server's certificate must have
//
// What must be escaped in a user or password is escaped as in other URLs.
//
// The store starts without a server and connects when there is one. It does not repeat calls
// that fail: its callers know better. All its keys begin with cg:v1:, and it works for a user
// with these rights:
//
//	~cg:v1:* -@all +hello +auth +ping +select +get +set +del +incr +pexpire +xadd +xread +xrange +xtrim +eval +evalsha +client|setname +client|id
//
// A cluster needs +cluster|slots and +cluster|shards as well. With +client|unblock connections
// of waiters who leave early are used again instead of closed.
//
// Redis should have a maxmemory, and the policy volatile-ttl or noeviction: everything here
// expires.
package redisstore
