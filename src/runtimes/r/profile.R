# Read at the start of every R that has CLOISTER_PLOTS in its environment: what is drawn without a
# device of the program's own becomes plot_1.png, plot_2.png ... of the workspace. The default device
# writes its pages to R's temporary directory; they are moved when R ends.
local({
  folder <- Sys.getenv("CLOISTER_PLOTS")
  if (!nzchar(folder)) return(invisible())

  # A text that cannot be parsed fails before anything of it runs, with the line.
  program <- "--file=/program/main.R"
  if (program %in% commandArgs(FALSE)) {
    problem <- tryCatch({
      parse(sub("--file=", "", program), keep.source = FALSE, encoding = "UTF-8")
      NULL
    }, error = conditionMessage)
    if (!is.null(problem)) {
      message("Error: ", sub("^/program/", "", problem))
      quit("no", 1, FALSE)
    }
  }

  state <- new.env()
  state$opened <- 0L
  state$own <- integer()
  pages <- function(number) file.path(tempdir(), sprintf("page_%04d_%%04d.png", number))

  options(device = function(...) {
    state$opened <- state$opened + 1L
    grDevices::png(pages(state$opened), width = 800, height = 600, res = 100, type = "cairo")
    state$own <- c(state$own, grDevices::dev.cur())
  })

  # A ggplot that the program saves with ggsave() is not wanted a second time: which plot is on which
  # page is noted when the page has begun, when its file is the last one there is.
  state$printed <- list()
  state$saved <- list()
  setHook("grid.newpage", function(...) {
    if (!grDevices::dev.cur() %in% state$own) return(invisible())
    for (frame in sys.frames()) {
      plot <- get0("x", frame, inherits = FALSE)
      if (!inherits(plot, "ggplot")) next
      page <- 1L
      while (file.exists(sprintf(pages(state$opened), page + 1L))) page <- page + 1L
      state$printed[[sprintf(pages(state$opened), page)]] <- plot
      break
    }
  })
  setHook(packageEvent("ggplot2", "onLoad"), function(...) {
    space <- asNamespace("ggplot2")
    original <- space$ggsave
    recording <- function(filename, plot = ggplot2::last_plot(), ...) {
      result <- original(filename, plot, ...)
      path <- normalizePath(filename, mustWork = FALSE)
      if (startsWith(path, paste0(folder, "/"))) state$saved <- c(state$saved, list(plot))
      invisible(result)
    }
    unlockBinding("ggsave", space)
    assign("ggsave", recording, space)
    lockBinding("ggsave", space)
  })
  is_saved <- function(page) {
    plot <- state$printed[[page]]
    !is.null(plot) && any(vapply(state$saved, identical, TRUE, plot))
  }

  bytes <- function(path) readBin(path, "raw", file.size(path))
  next_number <- function() {
    number <- 1L
    while (any(file.exists(file.path(folder, sprintf("plot_%d.%s", number, c("png", "html")))))) {
      number <- number + 1L
    }
    number
  }

  reg.finalizer(state, function(state) {
    if (state$opened == 0L) return(invisible())
    # Pages are whole when their device is closed. A device of the program's own is not touched, but
    # for one that has the number of one of these that the program has closed: R closes that anyway.
    for (device in intersect(state$own, grDevices::dev.list())) grDevices::dev.off(device)
    found <- list.files(tempdir(), "^page_[0-9]{4}_[0-9]{4}[.]png$", full.names = TRUE)
    last <- NULL
    for (page in sort(found)) {
      content <- bytes(page)
      if (is_saved(page) || identical(content, last)) next
      last <- content
      file.copy(page, file.path(folder, sprintf("plot_%d.png", next_number())), overwrite = FALSE)
    }
  }, onexit = TRUE)

  options(cloister.plots = state)  # Kept until R ends.
})
