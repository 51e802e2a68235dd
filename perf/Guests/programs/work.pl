use strict;
use warnings;
my ($s, $x) = (0, 12345);
for my $i (1 .. 1500000) {
    $x = ($x * 1103515245 + 12345) & 0x7fffffff;
    $s ^= $x >> 3;
}
print "$s\n";
printf "%.15g %.15g %.15g %e\n", sqrt(2), exp(1), atan2(1, 1) * 4, 1e300 * 1e10;
print join(' ', map { sprintf '%.12f', sin($_ / 3) } 1 .. 10), "\n";
print 2**53 + 1, ' ', 9007199254740993, ' ', -7 % 3, ' ', int(-3.7), ' ', 1e15 / 3, "\n";
my @sorted = sort { $a <=> $b } map { ($_ * 7919) % 10007 } 1 .. 3000;
print "@sorted[0 .. 9] $sorted[-1]\n";
eval { die { code => 42 } };
print "caught $@->{code}\n";
warn "to stderr\n";

