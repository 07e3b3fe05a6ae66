program args
  integer :: i
  character(len=256) :: word
  do i = 1, command_argument_count()
    call get_command_argument(i, word)
    print '(a)', '[' // trim(word) // ']'
  end do
end program
