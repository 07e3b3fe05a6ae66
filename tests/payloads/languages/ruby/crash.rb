def crash
  raise "raised on purpose"
end

crash
