word <- function() "helped"
