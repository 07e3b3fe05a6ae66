def word
  "helped"
end
