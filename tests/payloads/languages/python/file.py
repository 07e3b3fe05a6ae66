with open("in.txt") as source, open("out.txt", "w") as copy:
    text = source.read()
    copy.write(text + text)
