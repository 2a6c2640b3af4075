-- Tells wrk what to ask, and prints what came of it as JSON.
-- wrk ... -s requests.lua URL -- KIND SEED ITEMS LIMIT; KIND is get, post, list or mix.

-- Made beforehand, so that a request costs wrk one look-up. Many enough to meet every page of the table.
local prepared = 10000
-- Of a mix, in percent.
local creates = 10

local requests = {}
local turn = 0

function init(args)
  local kind, seed, items, limit = args[1], tonumber(args[2]), tonumber(args[3]), tonumber(args[4])
  math.randomseed(seed)
  local make = {
    get = function() return wrk.format("GET", "/items/" .. math.random(1, items)) end,
    list = function()
      return wrk.format("GET", "/items/?skip=" .. math.random(0, items - limit) .. "&limit=" .. limit)
    end,
    post = function()
      return wrk.format("POST", "/items/", {["Content-Type"] = "application/json"},
                        '{"name":"Desk lamp","description":"Warm white, dimmable"}')
    end,
  }
  make.mix = function() return math.random(1, 100) <= creates and make.post() or make.get() end
  for i = 1, prepared do requests[i] = make[kind]() end
end

function request()
  turn = turn % prepared + 1
  return requests[turn]
end

function done(summary, latency)
  local e = summary.errors
  print(string.format(
    '{"requests": %.0f, "microseconds": %.0f, "p50_us": %.0f, "p99_us": %.0f, "errors": %.0f}',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    e.status + e.connect + e.read + e.write + e.timeout))
end
