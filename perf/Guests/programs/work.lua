local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end
print(fib(30))

local sieve, count = {}, 0
for i = 2, 600000 do
  if not sieve[i] then
    count = count + 1
    for j = i * i, 600000, i do sieve[j] = true end
  end
end
print(count)

local function body(x, y, m) return { x = x, y = y, vx = 0, vy = 0, m = m } end
local bodies = { body(0, 0, 10), body(1, 0, 1), body(0, 2, 0.5) }
for _ = 1, 30000 do
  for i, a in ipairs(bodies) do
    for j, b in ipairs(bodies) do
      if i ~= j then
        local dx, dy = b.x - a.x, b.y - a.y
        local d = math.sqrt(dx * dx + dy * dy + 0.01)
        a.vx = a.vx + dx * b.m / (d * d * d) * 0.001
        a.vy = a.vy + dy * b.m / (d * d * d) * 0.001
      end
    end
  end
  for _, a in ipairs(bodies) do a.x = a.x + a.vx * 0.001; a.y = a.y + a.vy * 0.001 end
end
for _, a in ipairs(bodies) do print(string.format("%.17g %.17g", a.x, a.y)) end

local producer = coroutine.wrap(function() for i = 1, 1000 do coroutine.yield(i * i) end end)
local sum = 0
for value in producer do sum = sum + value if value == 1000000 then break end end
print(sum)

local parts = {}
for i = 1, 30000 do parts[#parts + 1] = string.format("%x", i * 2654435761 % 4294967296) end
table.sort(parts)
print(parts[1], parts[1500], parts[3000], #table.concat(parts))
print(math.maxinteger + 1 == math.mininteger, 7 // -2, -7 % 3, 7.5 // 2, 1 << 63, 3 | 8.0)
collectgarbage()
print(select("#", pcall(error)), tostring(0 / 0), 2 ^ 0.5, math.tointeger(3.0))

