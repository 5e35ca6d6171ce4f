-- For wrk: the same request with each credential of a file in turn.
-- Arguments: the header's name, the file.
local requests, last = {}, 0

function init(args)
  wrk.headers["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"
  wrk.headers["Accept"] = "application/json"
  wrk.headers["Accept-Language"] = "en-GB,en;q=0.8"
  wrk.headers["Accept-Encoding"] = "gzip, deflate, br"
  for line in io.lines(args[2]) do
    wrk.headers[args[1]] = line
    requests[#requests + 1] = wrk.format("GET", "/api/items")
  end
end

function request()
  last = last % #requests + 1
  return requests[last]
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format('\n{"requests":%d,"micros":%d,"p50":%d,"p99":%d,"failed":%d}\n', summary.requests,
    summary.duration, latency:percentile(50), latency:percentile(99), e.connect + e.read + e.write + e.status + e.timeout))
end
