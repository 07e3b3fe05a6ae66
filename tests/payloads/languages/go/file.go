package main

import "os"

func main() {
	text, err := os.ReadFile("in.txt")
	if err != nil {
		panic(err)
	}
	os.WriteFile("out.txt", append(text, text...), 0o644)
}
