-- HAProxy asks clerkgate about each request. HAProxy 2.5 and newer, with Lua, which
-- Debian's has; nothing else is needed. Load it by lua-load-per-thread.
--
--   http-request  lua.clerkgate <address of clerkgate>
--   http-request  deny deny_status 503 unless { var(txn.clerkgate) -m str granted }
--   http-response lua.clerkgate_cookies
--
-- The second line is the lock, best put into the backend: HAProxy goes on after an
-- action that failed, so that nothing but a yes sets the variable.

local path = "/.clerkgate/auth/haproxy"
local timeout = 15000 -- milliseconds; a refresh waits for Clerk

-- What the question does not repeat of the request: what is about the connection
-- and the body, and what HAProxy itself tells below.
local unasked = {
  ["connection"] = true, ["keep-alive"] = true, ["proxy-connection"] = true, ["te"] = true, ["trailer"] = true,
  ["transfer-encoding"] = true, ["content-length"] = true, ["expect"] = true, ["host"] = true,
  ["forwarded"] = true,
}

-- What the application gets of the answer; an empty value is no header at all.
local told = {
  "x-clerk-auth-status", "x-clerk-auth-reason", "x-clerk-auth-stale", "x-clerk-user-id", "x-clerk-session-id",
  "x-clerk-org-id", "x-clerk-org-slug", "x-clerk-org-role", "x-clerk-token-type", "x-clerk-machine-id", "x-clerk-client-id",
  "x-clerk-scopes", "x-clerk-assertion", "cookie", "authorization",
}

-- What the browser gets of a yes.
local returned = {
  "set-cookie", "vary", "access-control-allow-origin", "access-control-allow-credentials",
  "access-control-expose-headers",
}

-- HAProxy counts the values of a header from 0.
local function values(list)
  local out = {}
  local i = 0
  while list and list[i] do
    out[#out + 1] = list[i]
    i = i + 1
  end
  return out
end

local function question(txn)
  local headers = {}
  for name, list in pairs(txn.http:req_get_headers()) do
    if not unasked[name] and not name:find("^x.forwarded.") then
      headers[name] = values(list)
    end
  end
  headers["x-forwarded-method"] = { txn.sf:method() }
  headers["x-forwarded-uri"] = { txn.sf:pathq() }
  headers["x-forwarded-host"] = { txn.sf:req_fhdr("host") }
  headers["x-forwarded-proto"] = { txn.f:ssl_fc() == 1 and "https" or "http" }
  headers["x-forwarded-for"] = { txn.sf:src() }
  return headers
end

-- The answer goes to the browser as it is.
local function refuse(txn, answer)
  local reply = txn:reply({ status = answer.status, reason = answer.reason })
  for name, list in pairs(answer.headers) do
    if not unasked[name] then
      for _, value in ipairs(values(list)) do
        reply:add_header(name, value)
      end
    end
  end
  reply:set_body(answer.body or "")
  txn:done(reply)
end

core.register_action("clerkgate", { "http-req" }, function(txn, address)
  local answer = core.httpclient():get({
    url = "http://" .. address .. path, headers = question(txn), timeout = timeout,
  })
  if not answer or not answer.status or answer.status < 200 then
    return -- clerkgate cannot be reached
  end
  if answer.status ~= 200 then
    refuse(txn, answer)
    return
  end
  for _, name in ipairs(told) do
    txn.http:req_del_header(name)
    local value = values(answer.headers[name])[1]
    if value and value ~= "" then
      txn.http:req_set_header(name, value)
    end
  end
  local back = {}
  for _, name in ipairs(returned) do
    back[name] = values(answer.headers[name])
  end
  txn:set_priv(back)
  txn:set_var("txn.clerkgate", "granted")
end, 1)

core.register_action("clerkgate_cookies", { "http-res" }, function(txn)
  local back = txn:get_priv()
  for _, name in ipairs(returned) do
    for _, value in ipairs(back and back[name] or {}) do
      txn.http:res_add_header(name, value)
    end
  end
  if back and #back["set-cookie"] > 0 then
    txn.http:res_set_header("cache-control", "no-store") -- a cache would hand out the session
  end
end, 0)
