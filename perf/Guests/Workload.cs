namespace Jitvmm.Perf.Guests;

/// <summary>One program with work for about a second natively or less; the shell words are run by <c>sh</c> natively, and by each VMM.</summary>
/// <param name="Name">Shown in the table.</param>
/// <param name="Arguments">argv.</param>
internal sealed record Workload(string Name, string[] Arguments)
{
    public static IReadOnlyList<Workload> All { get; } =
    [
        new("true", ["/bin/true"]),
        new("busybox sha512sum", ["/bin/busybox", "sha512sum", "large.bin"]),
        new("busybox awk", ["/bin/busybox", "awk", "{ for (i = 1; i <= NF; i++) n[$i]++ } END { for (w in n) s += n[w]; print s }", "large.txt"]),
        new("bash loop", ["/bin/bash", "-c", "s=0; for ((i = 0; i < 150000; i++)); do (( s = (s * 31 + i) % 1000003 )); done; echo $s"]),
        new("sort", ["/usr/bin/sort", "large.txt"]),
        new("grep -P", ["/usr/bin/grep", "-cP", "^(?:\\w+,? )*?(\\w+),? (?:\\w+,? )*\\1", "large.txt"]),
        new("sed", ["/usr/bin/sed", "-E", "s/([a-z]+) ([0-9]+)$/\\2:\\1/", "large.txt"]),
        new("gawk", ["/usr/bin/gawk", "{ for (i = 1; i <= NF; i++) n[$i]++ } END { for (w in n) s += n[w] * length(w); print s }", "large.txt"]),
        new("gzip", ["/usr/bin/gzip", "-9", "-c", "large.txt"]),
        new("bzip2", ["/usr/bin/bzip2", "-c", "large.txt"]),
        new("xz -T2", ["/usr/bin/xz", "-T2", "-2", "-c", "large.txt"]),
        new("zstd -T2", ["/usr/bin/zstd", "-q", "-T2", "-12", "-c", "large.bin"]),
        new("openssl sha256", ["/usr/bin/openssl", "dgst", "-sha256", "large.bin"]),
        new("openssl aes", ["/usr/bin/openssl", "enc", "-aes-256-cbc", "-K", new string('1', 64), "-iv", new string('2', 32), "-in", "large.bin", "-out", "/dev/null"]),
        new("openssl rsa", ["/usr/bin/openssl", "genrsa", "-out", "/dev/null", "2048"]),
        new("perl", ["/usr/bin/perl", "work.pl"]),
        new("python3", ["/usr/bin/python3", "work.py"]),
        new("lua5.4", ["/usr/bin/lua5.4", "work.lua"]),
        new("sqlite3", ["/usr/bin/sqlite3", ":memory:", ".read work.sql"]),

        // The compiler proper: qemu-x86_64 runs what a guest executes natively, so that gcc's driver would compare nothing.
        new("cc1 -O2", [Compiler(), "-quiet", "-imultiarch", "x86_64-linux-gnu", "-O2", "-o", "work.s", "work.c"]),
        new("x264", ["/usr/bin/x264", "--quiet", "--no-progress", "--threads", "1", "--preset", "fast", "-o", "out.264", "video.y4m"]),
        new("ffmpeg", ["/usr/bin/ffmpeg", "-loglevel", "error", "-y", "-threads", "1", "-i", "video.y4m", "-c:v", "mpeg4", "-threads", "1", "-f", "avi", "out.avi"]),
        new("node", ["/usr/bin/node", "work.js"]),
        new("java", ["/usr/bin/java", "-Xshare:auto", "Work.java"]),
    ];

    /// <summary>gcc's cc1, whose folder has the version in its name.</summary>
    private static string Compiler()
    {
        const string Folder = "/usr/lib/gcc/x86_64-linux-gnu";
        string[] versions = Directory.Exists(Folder) ? Directory.GetDirectories(Folder) : [];
        Array.Sort(versions, StringComparer.Ordinal);
        return versions.Length > 0 ? Path.Combine(versions[^1], "cc1") : "/usr/bin/cc1";
    }
}
