program forever
  integer, volatile :: i
  print '(a)', 'started'
  flush (6)
  do
    i = 1
  end do
end program
