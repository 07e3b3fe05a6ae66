program parts
  include 'helper.inc'
  print '(a)', word
end program
