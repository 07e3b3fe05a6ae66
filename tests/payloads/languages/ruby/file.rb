text = File.read("in.txt")
File.write("out.txt", text + text)
