print("never")

value = = 3
