cat("never\n")

value <- = 3
