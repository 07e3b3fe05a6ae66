def fail():
    return [][1]


fail()
