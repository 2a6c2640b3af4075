-- Tells wrk what to ask, and prints what came of it as JSON.
-- wrk ... -s requests.lua URL -- FILE; FILE has a request a line: GET <target> or POST <target> <body>.

-- Made beforehand, so that a request costs wrk one look-up.
local requests = {}
local threads = {}
-- How many were asked for; global, so that done() can have it.
asked = 0

function setup(thread)
  threads[#threads + 1] = thread
end

function init(args)
  for line in io.lines(args[1]) do
    local method, target, body = line:match("^(%S+) (%S+) ?(.*)$")
    local headers = body ~= "" and {["Content-Type"] = "application/json"} or nil
    requests[#requests + 1] = wrk.format(method, target, headers, body ~= "" and body or nil)
  end
end

function request()
  asked = asked + 1
  return requests[(asked - 1) % #requests + 1]
end

function done(summary, latency)
  local e = summary.errors
  print(string.format(
    '{"requests": %.0f, "microseconds": %.0f, "p50_us": %.0f, "p99_us": %.0f, "errors": %.0f, '
      .. '"bytes": %.0f, "asked": %.0f}',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    e.status + e.connect + e.read + e.write + e.timeout, summary.bytes, threads[1]:get("asked")))
end
