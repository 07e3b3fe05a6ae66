program crash
  integer, allocatable :: values(:)
  error stop 'stopped on purpose'
end program
