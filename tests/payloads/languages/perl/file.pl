open my $source, '<', 'in.txt' or die;
my $text = join '', <$source>;
open my $copy, '>', 'out.txt' or die;
print $copy $text, $text;
