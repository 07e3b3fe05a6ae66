print "never\n";

my $value = = 3;
