namespace Jitvmm.Perf.Suite;

/// <summary>A program of the host's distribution with work to do.</summary>
/// <param name="Name">Shown in the table.</param>
/// <param name="Arguments">argv.</param>
internal sealed record GuestProgram(string Name, params string[] Arguments)
{
    /// <summary>Three seconds of native work or more.</summary>
    public static IReadOnlyList<GuestProgram> Long { get; } =
    [
        new("gzip", "/usr/bin/gzip", "-9", "-c", "text"),
        new("bzip2", "/usr/bin/bzip2", "-c", "text"),
        new("xz", "/usr/bin/xz", "-T1", "-1", "-c", "text"),
        new("zstd", "/usr/bin/zstd", "-q", "-T1", "-12", "-c", "text"),
        new("openssl sha512", "/usr/bin/openssl", "dgst", "-sha512", "zeros"),
        new("openssl aes-256-cbc", "/usr/bin/openssl", "enc", "-aes-256-cbc", "-K", new string('1', 64), "-iv", new string('2', 32), "-in", "zeros", "-out", "/dev/null"),
        new("openssl chacha20", "/usr/bin/openssl", "enc", "-chacha20", "-K", new string('1', 64), "-iv", new string('2', 32), "-in", "many-zeros", "-out", "/dev/null"),
        new("python3", "/usr/bin/python3", "-c", "for _ in range(8): exec(open('work.py').read(), {})"),
        new("perl", "/usr/bin/perl", "-e", "do './work.pl' for 1 .. 22"),
        new("lua", "/usr/bin/lua5.4", "-e", "for _ = 1, 18 do dofile('work.lua') end"),
        new("sqlite3", ["/usr/bin/sqlite3", ":memory:", .. Enumerable.Repeat((string[])[".read work.sql", "drop table item"], 8).SelectMany(static pair => pair)]),
        new("cc1", Compiler, "-quiet", "-imultiarch", "x86_64-linux-gnu", "-O2", "-o", "large.s", "large.c"),
        new("awk", "/usr/bin/gawk", "{ for (i = 1; i <= NF; i++) n[$i]++ } END { for (w in n) s += n[w] * length(w); print s }", "text", "text", "text"),
        new("sort", "/usr/bin/sort", "--parallel=1", "-S", "1G", "text", "text", "text"),
    ];

    /// <summary>50 to 500 milliseconds of it.</summary>
    public static IReadOnlyList<GuestProgram> Short { get; } =
    [
        new("gzip", "/usr/bin/gzip", "-c", "small"),
        new("bzip2", "/usr/bin/bzip2", "-c", "small"),
        new("zstd", "/usr/bin/zstd", "-q", "-T1", "-9", "-c", "small"),
        new("sha512", "/usr/bin/openssl", "dgst", "-sha512", "large.c", "small", "small", "small", "small", "small", "small", "small", "small", "small", "small", "small", "small", "small", "small", "small"),
        new("python3", "/usr/bin/python3", "work.py"),
        new("perl", "/usr/bin/perl", "work.pl"),
        new("lua", "/usr/bin/lua5.4", "work.lua"),
        new("sqlite3", "/usr/bin/sqlite3", ":memory:", ".read work.sql"),
        new("cc1", Compiler, "-quiet", "-imultiarch", "x86_64-linux-gnu", "-O2", "-o", "work.s", "work.c"),
        new("sort", "/usr/bin/sort", "--parallel=1", "small"),
        new("awk", "/usr/bin/gawk", "{ for (i = 1; i <= NF; i++) n[$i]++ } END { for (w in n) s += n[w] * length(w); print s }", "small"),
        new("grep", "/usr/bin/grep", "-cE", "(birch|ember)[a-z ,]*lantern", "small"),
    ];

    /// <summary>gcc's compiler proper, in a folder named after its version: qemu-x86_64 runs what a guest executes natively, so that the driver would compare nothing.</summary>
    private static string Compiler
    {
        get
        {
            const string Folder = "/usr/lib/gcc/x86_64-linux-gnu";
            string[] versions = Directory.Exists(Folder) ? Directory.GetDirectories(Folder) : [];
            Array.Sort(versions, StringComparer.Ordinal);
            return versions.Length > 0 ? Path.Combine(versions[^1], "cc1") : "/usr/bin/cc1";
        }
    }
}
