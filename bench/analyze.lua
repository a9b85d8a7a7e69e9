-- wrk script: POST /analyze. Every request has an id of its own and comes from one of BENCH_ADDRESSES client addresses.
-- Environment: BENCH_PATH (default /analyze), BENCH_ADDRESSES (default 256).
local path = os.getenv("BENCH_PATH") or "/analyze"
local addresses = tonumber(os.getenv("BENCH_ADDRESSES") or "256")

local agent = '"user-agent":"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"'
local common = '"headers":{"host":"api.example.com","accept":"application/json","accept-language":"en-GB,en;q=0.8",' ..
  '"accept-encoding":"gzip, br","content-type":"application/json","referer":"https://shop.example.com/cart",' .. agent .. '}'

-- What each request says besides its id, its address and its time.
local kinds = {
  '"endpoint":"/api/users/4711/profile","http_method":"GET",' .. common .. ',"payload":null',
  '"endpoint":"/api/orders/90210/items","http_method":"POST",' .. common ..
    ',"payload":{"sku":"TX-1138","quantity":2,"note":"leave at the door","gift":false}',
  '"endpoint":"/api/search?q=winter+boots&page=2","http_method":"GET",' .. common .. ',"payload":null',
  '"endpoint":"/api/users/profile","http_method":"POST",' .. common ..
    ',"payload":{"name":"Ada","email":"ada@example.com","address":{"city":"Leeds","zip":"LS1 4AP"}}',
  '"endpoint":"/api/session","http_method":"PUT",' .. common .. ',"payload":{"keep":true}',
  '"endpoint":"/api/reports/2025.csv","http_method":"GET",' .. common .. ',"payload":null',
  '"endpoint":"/api/cart","http_method":"POST",' .. common .. ',"payload":{"items":[{"id":1,"n":2},{"id":7,"n":1}]}',
  '"endpoint":"/api/admin/delete","http_method":"DELETE","headers":{"user-agent":"BadBot/1.0"},"payload":{"table":"users"}',
}

local head = "POST " .. path .. " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: "
local now, salt, count = "", "", 0

function init()
  salt = string.format("%x-%x", os.time(), math.floor(os.clock() * 1e9))
end

-- Writing the request out is cheaper than wrk.format, and the load generator must not be what is measured.
function request()
  if count % 256 == 0 then now = os.date("!%Y-%m-%dT%H:%M:%SZ") end
  count = count + 1
  local n = count % addresses
  local address = "10." .. math.floor(n / 65536) .. "." .. math.floor(n / 256) % 256 .. "." .. n % 256
  local body = '{"request_id":"' .. salt .. "-" .. count .. '","ip_address":"' .. address .. '","timestamp":"' .. now .. '",' ..
    kinds[count % #kinds + 1] .. "}"
  return head .. #body .. "\r\n\r\n" .. body
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format('RESULT {"requests":%d,"per_second":%.2f,"p50_ms":%.3f,"p99_ms":%.3f,"max_ms":%.3f,"refused":%d,"broken":%d}\n',
    summary.requests, summary.requests / summary.duration * 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    latency.max / 1e3, e.status, e.connect + e.read + e.write + e.timeout))
end
