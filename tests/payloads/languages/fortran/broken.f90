program broken
  integer :: value
  value = = 3
end program
