use strict;
use warnings;
$| = 1;
pipe(my $read, my $write) or die;
my $pid = fork() // die;
if ($pid == 0) {
    close $read;
    print $write "from child\n";
    exit 3;
}
close $write;
print scalar <$read>;
waitpid $pid, 0;
print "status ", $? >> 8, "\n";
local $SIG{ALRM} = sub { die "alarm\n" };
eval { alarm 1; select undef, undef, undef, 10; };
print "got $@";
local $SIG{USR1} = sub { print "usr1\n" };
kill USR1 => $$;
print `echo backticks; exit 5`, $? >> 8, "\n";
open my $pipe, '-|', 'sort -r' , () or die if 0;
open my $out, '|-', 'tr a-z A-Z' or die;
print $out "piped\n";
close $out;
system 'kill -9 $$';
print "signal ", $? & 127, "\n";
exec 'sh', '-c', 'echo exec $0', 'end';
