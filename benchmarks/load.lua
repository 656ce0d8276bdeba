-- wrk: POST a body from a file with headers from a file, and print one line of JSON at the end.
--   wrk -t1 -c8 -d10s -s load.lua URL -- BODY-FILE HEADER-FILE
function init(args)
  wrk.method = "POST"
  local body = assert(io.open(args[1], "rb"))
  wrk.body = body:read("*a")
  body:close()
  for line in io.lines(args[2]) do
    local name, value = line:match("^([^:]+):%s*(.-)%s*$")
    if name then wrk.headers[name] = value end
  end
end

function done(summary, latency, requests)
  local errors = summary.errors
  local broken = errors.connect + errors.read + errors.write + errors.timeout
  io.write(string.format(
    '{"seconds":%.6f,"answered":%d,"failed":%d,"p50_ms":%.3f,"p99_ms":%.3f}\n',
    summary.duration / 1e6, summary.requests - errors.status, errors.status + broken,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
