program memory
  type block
    integer, allocatable :: values(:)
  end type
  type(block) :: blocks(100000)
  integer :: i
  do i = 1, size(blocks)
    allocate (blocks(i)%values(4000000))
    blocks(i)%values = i
  end do
  print *, blocks(1)%values(1)
end program
