-- Prints one line that a program can read, after wrk's output for people. Times are in microseconds.
function done(summary, latency)
  local e = summary.errors
  local failures = e.connect + e.read + e.write + e.status + e.timeout
  local form = '{"requests":%d,"duration":%d,"p99":%d,"failures":%d}\n'
  io.write(form:format(summary.requests, summary.duration, latency:percentile(99), failures))
end
