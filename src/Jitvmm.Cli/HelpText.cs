namespace Jitvmm.Cli;

internal static class HelpText
{
    public const string Overview = """
        jitvmm - runs x86-64 Linux programs by translating their machine code to .NET IL

        usage: jitvmm run [options] PROG [ARGS...]
               jitvmm run --help
               jitvmm --version

        """;

    public const string Run = """
        usage: jitvmm run [options] PROG [ARGS...]

        Runs the program PROG, a path or a name in PATH. It sees the host's files read-only, the current
        folder read-write and a private /tmp; it has no network.

        What the guest sees
          --writable PATH           let it change PATH too
          --bind SRC:DST[:ro]       show SRC at DST
          --root DIR                DIR is its whole file system, read-write
          --network host|none       the host's network, or none (default)
          --share-all               all of the host, read-write, with the network
          --env NAME=VALUE          set a variable; without =VALUE, remove it
          --memory SIZE             memory it may map: bytes, or with K, M, G, T (default: no limit)
          --tasks N                 processes and threads it may have at once (default 1024)

        How it runs
          --tier 0|1|auto           interpret; compile everything; both as it pays (default)
          --checked, --direct       check each memory access in compiled code, or leave it to the host's pages
                                    (default: checked only for guests that handle SIGSEGV or SIGBUS)
          --code-cache SIZE         translations kept at most (default 256M)

        What is printed, on standard error
          --strace                  each system call
          --trace blocks|exits      each block translated; each return to the VMM (may be given twice)
          --stats                   counters, when the guest ends
          --quiet                   nothing of the VMM's own, not even a report of a guest's crash

        Exit status: the guest's own; a guest that dies of a signal makes jitvmm die of the same one.
        125: jitvmm itself failed. 126: PROG cannot be executed. 127: there is no PROG.

        """;
}
