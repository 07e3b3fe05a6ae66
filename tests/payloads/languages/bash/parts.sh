source ./helper.sh
word
