local text = io.open("in.txt"):read("a")
local copy = io.open("out.txt", "w")
copy:write(text, text)
copy:close()
