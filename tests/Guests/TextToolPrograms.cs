using static Jitvmm.Tests.Guests.GuestProgram;

namespace Jitvmm.Tests.Guests;

/// <summary>grep, sed, awk and their kin: regular expression engines, one of them a JIT (PCRE).</summary>
public sealed class TextToolPrograms : IProgramTable
{
    public static IReadOnlyList<GuestProgram> Programs { get; } =
    [
        Run("grep", "grep -c fjord large-text", "large-text"),
        Run("grep-extended", "grep -onE '(ha|la)[a-z]+, [a-z]{5,6} ' text", "text"),
        Run("grep-perl", "grep -nP '(?<=quartz )(?!ripple)\\w+(?:, \\w+){2}' text", "text"),
        Run("grep-perl-backtrack", "grep -cP '^(?:\\w+,? )*?(\\w+),? (?:\\w+,? )*\\1' large-text", "large-text"),
        Run("grep-fixed", "grep -vFf patterns text", "text") with { Prepare = "printf 'ember\\nfjord\\nglyph\\n' > patterns" },
        Run("grep-recursive", "grep -rc lantern .", "text", "table.csv"),
        Run("grep-binary", "grep -c a binary", "binary"),
        Run("sed", "sed -E 's/([a-z]+) ([0-9]+)$/\\2:\\U\\1/; /^$/d; 1~7p' text", "text"),
        Run("sed-in-place", "sed -i.bak -e '/umber/,/velvet/s/[aeiou]/*/g' text", "text"),
        Run("sed-hold-space", "sed -n 'H;${x;s/\\n/ /g;p}' text", "text"),
        Run("gawk-report", "gawk -F, 'NR>1 { n[$2]++; s[$2]+=$3*$4; q[$2]+=$3^2 } END { PROCINFO[\"sorted_in\"]=\"@ind_str_asc\"; for (k in n) printf \"%-10s %5d %12.4f %.6e\\n\", k, n[k], s[k], sqrt(q[k]/n[k]) }' table.csv", "table.csv"),
        Run("gawk-mathematics", "gawk 'BEGIN { for (i = 1; i <= 50; i++) printf \"%.15g %.15g %.15g %.15g\\n\", sin(i/7), exp(-i/9), log(i), atan2(i, 3) }'"),
        Run("gawk-functions", "gawk 'function f(n) { return n < 2 ? n : f(n-1) + f(n-2) } BEGIN { print f(20); s = gensub(/(b+)/, \"<\\\\1>\", \"g\", \"abbcb\"); print s, length(s), toupper(s); print strftime(\"%F\", 0, 1); printf \"%c%c %5.2s|\\n\", 65, \"hello\", \"xyz\" }'"),
        Run("gawk-pipe", "gawk '{ print $1 | \"sort | uniq -c\" } END { close(\"sort | uniq -c\"); \"echo done\" | getline x; print x; exit 3 }' text", "text"),
        Run("diff", "diff -u a b") with { Prepare = "seq 1 3000 > a; seq 1 3000 | sed '/7$/s/$/x/' > b" },
        Run("diff-side", "diff -y -W 60 a b") with { Prepare = "seq 1 30 > a; seq 3 33 > b" },
        Run("cmp", "cmp -l a b", "binary") with { Prepare = "cp binary a; (head -c 1000 binary; printf XYZ; tail -c +1004 binary) > b" },
        Run("find", "find . -type f -name '[a-m]*' -size -5k -printf '%p %s %m\\n'", "data.json") with { Prepare = "mkdir -p d/e; echo 1 > d/one; echo 22 > d/e/two; echo 3 > d/e/fifth" },
        Run("xargs", "xargs -P 2 -n 2 echo") with { Input = "1 2\n" },
        Run("file-tar", "tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf all.tar d") with { Prepare = "mkdir -p d/e; echo 1 > d/one; echo 22 > d/e/two; ln -s one d/l", Needs = ["tar"] },
        Run("ripgrep", "rg -n --no-heading --color never -j 2 --sort path '(?i)QUARTZ \\w+ \\d{4,}' .", "text", "large-text"),
        Run("fzf-filter", "fzf --filter 'qz rip' --no-sort") with { Input = "quartz ripple\nember\nquiz trip\nripple quartz\n" },
        Run("gron", "gron data.json", "data.json"),
        Script("gron-round-trip", "gron data.json | grep -E 'name|tags' | gron -u | sha256sum", "data.json") with { Needs = ["gron"] },
    ];
}
