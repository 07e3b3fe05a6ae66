text <- readLines("in.txt")
writeLines(c(text, text), "out.txt")
