$stdin.each_line { |line| puts line.chomp + "." }
