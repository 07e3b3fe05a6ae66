cat in.txt in.txt > out.txt
