for word in "$@"; do
  echo "[$word]"
done
