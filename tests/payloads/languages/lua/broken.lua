print("never")

local value = = 3
