package main

var value = = 3

func main() {}
