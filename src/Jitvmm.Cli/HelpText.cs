namespace Jitvmm.Cli;

internal static class HelpText
{
    public const string Overview = """
        jitvmm - runs x86-64 Linux programs, and whole machines, by translating their machine code to .NET IL

        usage: jitvmm run [options] PROG [ARGS...]
               jitvmm boot [options]
               jitvmm cache SUBCOMMAND FILE|--attach PID [options]
               jitvmm inspect FILE|--attach PID [options]
               jitvmm run --help, and so for each
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
          --save-cache FILE         into FILE, what became of its translations: see jitvmm cache. With %p in FILE, one for each
                                    process, which stands for its number
          --inspect                 let your other processes look at it while it runs: jitvmm cache list --attach PID
          --perf-map                into /tmp/perf-PID.map, compiled code by the guest's symbols, for perf report
          --jitdump FOLDER          into FOLDER/jit-PID.dump, the same with its instructions, for perf annotate: perf record -k mono,
                                    then perf inject --jit
          --dump-ir ADDRESS, --dump-il ADDRESS, --dump-host ADDRESS
                                    when it ends, the regions that code was compiled in: their IR behind each pass, the IL, or the
                                    host's instructions. ADDRESS is hexadecimal, or a symbol, or symbol+distance
          --sample-tiers FILE       into FILE, a line for each sample while it runs: milliseconds, and instructions executed in tier 0
                                    and in tier 1 by then
          --quiet                   nothing of the VMM's own, not even a report of a guest's crash

        Exit status: the guest's own; a guest that dies of a signal makes jitvmm die of the same one.
        125: jitvmm itself failed. 126: PROG cannot be executed. 127: there is no PROG.

        """;

    public const string Cache = """
        usage: jitvmm cache SUBCOMMAND FILE [options]
               jitvmm cache SUBCOMMAND --attach PID [options]

        Shows what the translator made of a guest, from a file that jitvmm run or boot wrote with --save-cache, or of a guest
        that runs and was started with --inspect.

          list FILE                 blocks of guest code, those that ran most first
          show FILE ADDRESS         one block: guest code, IR before and after the passes, IL, and the host code of its region
          exits FILE                why generated code was left, and where
          invalidations FILE        what threw which translations away
          sites FILE                hypercalls, privileged instructions, SYSCALL and CPUID
          explain FILE ADDRESS      why code there is compiled, or is not
          graph FILE ADDRESS        how control goes in the region there
          verify FILE               translate everything again and compare; status 1 when something differs
          export FILE               compiled code as a .NET assembly, for ILSpy and other tools: with --assembly
          diff FILE FILE            what became hotter, larger or slower to compile from the first to the second

          top --attach PID          what runs now: hottest blocks, instructions and exits per second

        With --attach PID, the guest in process PID stands in place of the (first) FILE; diff FILE --attach PID goes from FILE to it.
        An ADDRESS is hexadecimal, or a symbol, or symbol+distance.

        Options
          --json                    for programs; the schema is in src/Jitvmm.Inspector/README.md; one line for each refresh of top
          --symbols FILE            symbols from FILE, an ELF file or a list as /proc/kallsyms has it, instead of the cache's own
          --limit N                 rows at most (default 40); 0 for all
          --sort KEY                list: by executions (default), address, size, exits, age, translations or invalidations
          --symbol TEXT             list: only in symbols with TEXT in their names
          --from ADDRESS, --to ADDRESS
                                    list: only blocks that start there
          --tier 0|1                list: only blocks that were compiled (1), or never were
          --min-executions N        list: only blocks that ran so often
          --state live|invalidated|flushed
                                    list: only blocks in that state
          --kind KIND               exits: only of that kind
          --dot                     graph: for Graphviz
          --assembly FILE.dll       export: into FILE.dll
          --interval SECONDS        top: between refreshes (default 1)
          --count N                 top: end after N refreshes

        Exit status: 0; 1 when verify found a difference; 125: the file or the guest cannot be used.

        """;

    public const string Inspect = """
        usage: jitvmm inspect FILE [options]
               jitvmm inspect --attach PID [options]

        Shows what jitvmm cache tells as a page: of a file that jitvmm run or boot wrote with --save-cache, or of a guest that
        runs and was started with --inspect. Prints the page's address, which is on this machine only and good for one browser.
        Ctrl-C ends it.

          --symbols FILE            symbols from FILE, an ELF file or a list as /proc/kallsyms has it, instead of the cache's own
          --port N                  listen there (default: any port that is free)
          --interval SECONDS        between looks at a running guest (default 1)
          --save FILE               instead: write the page, with all that it shows, into one HTML file

        Exit status: 0; 125: the file or the guest cannot be used.

        """;

    public const string Boot = """
        usage: jitvmm boot [options]

        Boots a virtual PC. Without --kernel: the built-in demonstration kernel.

        What it boots
          --kernel FILE             a Linux image (vmlinuz), an ELF kernel with PVH note, or a multiboot kernel
          --initrd FILE             its initial RAM disk
          --append TEXT             its command line, such as "console=ttyS0"
          --bios FILE               instead: a BIOS image, started at the reset vector

        What the machine has
          --memory SIZE             RAM: bytes, or with K, M, G (default 512M)
          --cpus N                  processors (default 1)
          --disk FILE[,readonly]    a virtio disk from a raw image: /dev/vda and on
          --nvme FILE[,readonly][,msi]
                                    an NVMe disk from a raw image: /dev/nvme0n1 and on; msi: without MSI-X
          --xvd FILE[,readonly]     a disk for a Xen guest's own driver: /dev/xvda and on, with --hypervisor xen
          --share DIR[,tag=NAME][,readonly]
                                    a folder of the host: mount -t 9p -o trans=virtio share /mnt
          --net none|user[,loopback][,xen]
                                    no network (default), or user-mode NAT; the host's loopback only if asked for; xen: a card for
                                    a Xen guest's own driver, with --hypervisor xen
          --console                 a console, hvc0: virtio's, or a Xen guest's own
          --test-device             what kvm-unit-tests expect, as QEMU's pc-testdev and fw_cfg give it
          --hypervisor kvm|hyperv|vmware|xen|none[,-FEATURE...]
                                    what the guest finds if it looks for a hypervisor (default kvm); none shows no sign of
                                    one. kvm's features: clock, stable-clock, no-io-delay, steal-time, pv-eoi, pv-unhalt,
                                    pv-tlb-flush, pv-ipi, pv-sched-yield; hyperv's: reference-counter, reference-tsc, frequencies,
                                    stimer, apic, tlb-flush, ipi; vmware's: frequency, vmcall, vcpu-info, steal-clock; xen's:
                                    clock, stable-clock, callback-vector, upcall-vector, vcpu-timer, steal-time, hypercall-page,
                                    grants
          --serial stdio|file:PATH|none
                                    where the serial port goes (default: the terminal)

        How it runs
          --no-reboot               a reset ends the run
          --tier 0|1|auto           interpret; compile everything; both as it pays (default)
          --icount N                repeatable: an instruction takes 2^N ns of the machine's time, and waiting none; N is 0 to 10.
                                    One processor, interpreted
          --code-cache SIZE         translations kept at most (default 256M)
          --stats                   counters on standard error, when the machine ends
          --save-cache FILE         into FILE, what became of its translations: see jitvmm cache
          --inspect                 let your other processes look at it while it runs: jitvmm cache list --attach PID
          --perf-map                into /tmp/perf-PID.map, compiled code by its guest address, for perf report
          --jitdump FOLDER          into FOLDER/jit-PID.dump, the same with its instructions, for perf annotate: perf record -k mono,
                                    then perf inject --jit
          --dump-ir ADDRESS, --dump-il ADDRESS, --dump-host ADDRESS
                                    when it ends, the regions that code was compiled in: their IR behind each pass, the IL, or the
                                    host's instructions. ADDRESS is hexadecimal, or a symbol, or symbol+distance
          --sample-tiers FILE       into FILE, a line for each sample while it runs: milliseconds, and instructions executed in tier 0
                                    and in tier 1 by then

        Keys, when standard input is a terminal: Ctrl-A h lists them; Ctrl-A x ends the machine.

        Exit status: 0 when the guest powered off, or was ended with Ctrl-A x; what a guest wrote to port F4h, as
        QEMU's isa-debug-exit has it (2 * value + 1). 124: the guest crashed. 125: jitvmm itself failed.

        """;
}
