blocks = []
loop { blocks << "x" * (16 << 20) }
