io.stdout:setvbuf("no")
print("started")
while true do
end
