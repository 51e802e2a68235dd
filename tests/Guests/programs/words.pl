use strict;
use warnings;
my %count;
my $lines = 0;
while (<>) {
    $lines++;
    $count{lc $1}++ while /([a-z]+)/g;
}
for my $word (sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count) {
    printf "%-10s %6d %s\n", $word, $count{$word}, scalar reverse $word;
}
print "$lines lines\n";
my $text = join ' ', map { ucfirst } sort keys %count;
$text =~ s/(\w)(\w+)/$2$1/g;
print "$text\n";
print join(',', unpack('H8 n v N', pack('H8 n v N', 'deadbeef', 1, 2, 3))), "\n";
format STDOUT =
@<<<<<<< @>>>>>>> @##.##
"left", "right", 3.14159
.
write;
