using static Jitvmm.Tests.Guests.GuestProgram;

namespace Jitvmm.Tests.Guests;

/// <summary>bash: fork, exec, pipes, job control without a terminal, traps.</summary>
public sealed class ShellPrograms : IProgramTable
{
    public static IReadOnlyList<GuestProgram> Programs { get; } = new GuestProgram[]
    {
        Script("bash-builtin", "echo ${BASH_VERSINFO[0]}; printf '%05d %x %s\\n' 42 255 end; x=abcdef; echo ${x:2:3} ${x/cd/__} ${#x} ${x^^}"),
        Script("bash-pipeline", "seq 1 1000 | grep 7 | sort -r | head -20 | tr '\\n' ' '; echo; echo \"${PIPESTATUS[@]}\""),
        Script("bash-pipe-status", "set -o pipefail; false | true; echo $?; true | (exit 3) | cat; echo $?; yes | head -1; echo ${PIPESTATUS[0]}"),
        Script("bash-substitution", "a=$(echo one; echo two); echo \"$a\"; b=`date -u -d @0 +%Y`; echo $b; diff <(seq 1 5) <(seq 2 6); cat < <(echo from process)"),
        Script("bash-here-document", "cat <<END\nsum $((1 + 2))\nEND\ncat <<'RAW' | tr a-z A-Z\nraw $HOME\nRAW\nwc -c <<< 'here string'"),
        Script("bash-trap-exit", "trap 'echo exit $?' EXIT; trap 'echo error line' ERR; false; (exit 4); exit 9"),
        Script("bash-trap-signals", "trap 'echo usr1' USR1; trap 'echo usr2' USR2; trap '' HUP; kill -USR1 $$; kill -HUP $$; kill -USR2 $$; echo done"),
        Script("bash-trap-interrupts-wait", "trap 'echo alarm' USR1; (sleep 0.3; kill -USR1 $$) & wait $!; echo $(( $? > 128 )); wait; echo end"),
        Script("bash-killed-by-term", "kill -TERM $$; sleep 5"),
        Script("bash-killed-by-kill", "kill -KILL $$; sleep 5"),
        Script("bash-child-killed", "exec 2> /dev/null; bash -c 'kill -SEGV $$'; echo $?; bash -c 'kill -PIPE $$'; echo $?"),
        Script("bash-background-jobs", "for i in 1 2 3 4 5; do (sleep 0.0$i; echo job $i >> log) & done; wait; sort log; echo $?; rm log"),
        Script("bash-wait-status", "(exit 11) & a=$!; (exit 12) & b=$!; wait $b; echo $?; wait $a; echo $?; wait -n 2> /dev/null; echo $?"),
        Script("bash-arrays", "declare -A m; for w in a b a c b a; do (( m[$w]++ )); done; for k in a b c; do echo $k ${m[$k]}; done; l=(5 3 9 1); IFS=$'\\n'; sort -n <<< \"${l[*]}\""),
        Script("bash-arithmetic", "s=0; for ((i = 0; i < 20000; i++)); do (( s = (s * 31 + i) % 1000003 )); done; echo $s"),
        Script("bash-redirections", "exec 3> out 4<> both; echo three >&3; echo four >&4; exec 3>&- 4>&-; cat out both; echo err >&2; ls /no/such 2>&1 | tail -c 30; { echo a; echo b >&2; } > o 2> e; cat e o"),
        Script("bash-coprocess", "coproc C { while read x; do echo \"got $x\"; done; }; echo hi >&${C[1]}; read -u ${C[0]} y; echo $y; exec {C[1]}>&-; wait"),
        Script("bash-read-timeout", "read -t 0.2 x < <(sleep 1); echo $(( $? > 128 ))"),
        Script("bash-exec", "exec -a other bash -c 'echo $0 $1' name arg"),
        Script("bash-command-not-found", "no-such-command-here; echo $?; ./text; echo $?; /; echo $?", "text"),
        Script("bash-script-interpreter", "printf '#!/bin/sh -u\\necho \"$0 $1\"\\n' > s; chmod +x s; ./s one; printf '#!./s\\n' > t; chmod +x t; ./t two; printf 'echo no interpreter\\n' > u; chmod +x u; ./u"),
        Script("bash-fifo", "mkfifo p; (cat text > p) & wc < p; wait; rm p", "text"),
        Script("bash-umask-modes", "umask 027; touch a; mkdir b; umask 0; touch c; stat -c '%n %a' a b c; chmod 4755 a; stat -c %a a; rm -r a b c"),
        Script("bash-globs", "shopt -s extglob nullglob globstar; mkdir -p x/y; touch a1 a2 b1 x/a3 x/y/a4; echo a* !(a*) **/a* none*; rm -r a1 a2 b1 x"),
        Script("bash-subshell-environment", "export V=1; (V=2; export V; sh -c 'echo $V'); sh -c 'echo $V'; env -i A=b sh -c 'echo \"${V-unset} $A\"'"),
        Script("bash-many-processes", "for i in $(seq 1 60); do /bin/true; done; echo $(for i in $(seq 1 40); do echo $i | cat; done | wc -l)"),
        Script("bash-limits", "ulimit -n 64; ulimit -n; ulimit -c 0; (ulimit -f 1; head -c 100000 /dev/zero > big) 2> /dev/null; echo $?; rm -f big"),
        Script("bash-timeout", "exec 2> /dev/null; timeout 0.3 sleep 5; echo $?; timeout -s KILL 0.3 sleep 5; echo $?; timeout 5 true; echo $?"),
        Script("bash-proc-self", "cat /proc/self/comm; cat /proc/self/cmdline | tr '\\0' ' '; echo; readlink /proc/self/cwd; readlink /proc/self/exe; ls /proc/self/fd | grep -c '^[012]$'; [ -r /proc/self/maps ] && echo maps"),
        Script("bash-no-vmm-in-environment", "env | sort; echo $PWD $SHLVL"),
        new("dash-pipeline", ["/bin/sh", "-c", "echo a b c | { read x y; echo \"$y $x\"; }; seq 5 | while read n; do printf '%s ' $((n * n)); done; echo; kill -s INT $$"]) { Needs = ["/bin/sh"] },
    }.InTiers(Tiers.NotCompiled, "bash-pipeline", "bash-trap-signals", "dash-pipeline");
}
