fail <- function() stop("stopped on purpose")
fail()
