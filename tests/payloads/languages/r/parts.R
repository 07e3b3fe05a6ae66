source("helper.R")
cat(word(), "\n", sep = "")
