local function fail()
  error("failed on purpose")
end

fail()
