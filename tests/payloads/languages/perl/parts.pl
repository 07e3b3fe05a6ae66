require './helper.pl';
print word(), "\n";
