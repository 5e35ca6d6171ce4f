package redisstore

import "github.com/redis/rueidis"

// Keys of one name are in one slot of a cluster.
func valueKey(name string) string  { return "cg:v1:{" + name + "}:value" }
func lockKey(name string) string   { return "cg:v1:{" + name + "}:lock" }
func fenceKey(name string) string  { return "cg:v1:{" + name + "}:fence" }
func resultKey(name string) string { return "cg:v1:{" + name + "}:result" }
func logKey(name string) string    { return "cg:v1:{" + name + "}:log" }

// The fields of an entry of a stream. A result is a stream of one entry, since waiters of a
// stream get what was added while they were not connected, unlike subscribers.
const (
	resultField = "r" // behind f, the fence
	entryField  = "e"
)

// scripts are each one step for the server.
type scripts struct{ claim, renew, publish, append *rueidis.Lua }

func newScripts() scripts {
	return scripts{
		claim: rueidis.NewLuaScript(claimScript), renew: rueidis.NewLuaScript(renewScript),
		publish: rueidis.NewLuaScript(publishScript), append: rueidis.NewLuaScript(appendEntryScript),
	}
}

// claimScript returns {0, result} if there is a result, {0} if somebody has the lease, or else
// {fence}.
const claimScript = `
local result = redis.call('XRANGE', KEYS[3], '-', '+', 'COUNT', '1')[1]
if result then return {0, result[2][4]} end
if redis.call('GET', KEYS[1]) then return {0} end
local fence = redis.call('INCR', KEYS[2])
redis.call('PEXPIRE', KEYS[2], ARGV[2])
redis.call('SET', KEYS[1], fence, 'PX', ARGV[1])
return {fence}`

// renewScript returns 1 if the lease is still the one with this fence.
const renewScript = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])`

// publishScript returns 1 unless there is a result with a greater fence.
const publishScript = `
local published = 1
local result = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', '1')[1]
if result and (tonumber(result[2][2]) or 0) > tonumber(ARGV[1]) then
  published = 0
else
  redis.call('XADD', KEYS[2], 'MAXLEN', '1', '*', 'f', ARGV[1], 'r', ARGV[2])
  redis.call('PEXPIRE', KEYS[2], ARGV[3])
end
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return published`

// appendEntryScript removes old entries by the server's clock, which is in the entries' ids.
const appendEntryScript = `
local id = redis.call('XADD', KEYS[1], '*', 'e', ARGV[1])
local oldest = tonumber(string.match(id, '^%d+')) - tonumber(ARGV[2])
redis.call('XTRIM', KEYS[1], 'MINID', string.format('%.0f', oldest))
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return id`
