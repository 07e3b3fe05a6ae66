package main

func word() string {
	return "helped"
}
