return {
  word = function()
    return "helped"
  end,
}
