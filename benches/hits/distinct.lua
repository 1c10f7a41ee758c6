-- wrk: asks for the lists of 32 pages in turn.
local requests = {}
local next = 0

init = function(args)
  for page = 1, 32 do
    requests[page] = wrk.format("GET", wrk.path .. "&page=" .. page)
  end
end

request = function()
  next = next % 32 + 1
  return requests[next]
end
