puts "never"

value = = 3
