program copy
  character(len=256) :: line
  integer :: i
  open (10, file='in.txt', status='old')
  read (10, '(a)') line
  open (11, file='out.txt')
  do i = 1, 2
    write (11, '(a)') trim(line)
  end do
end program
