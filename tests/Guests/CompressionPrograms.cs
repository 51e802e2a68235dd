using static Jitvmm.Tests.Guests.GuestProgram;

namespace Jitvmm.Tests.Guests;

/// <summary>Compressors: hot integer loops, and threads with <c>-T2</c>.</summary>
public sealed class CompressionPrograms : IProgramTable
{
    public static IReadOnlyList<GuestProgram> Programs { get; } =
    [
        Run("gzip", "gzip -n -9 -k large-text", "large-text"),
        Run("gzip-fast", "gzip -n -1 -c binary", "binary"),
        Run("gzip-test", "gzip -tv text.gz", "text") with { Prepare = "gzip -n text" },
        Run("gunzip", "gunzip -k large-text.gz", "large-text") with { Prepare = "gzip -n large-text" },
        Run("gunzip-damaged", "gunzip -c text.gz", "text") with { Prepare = "gzip -n text; printf x | dd of=text.gz bs=1 seek=2000 conv=notrunc status=none" },
        Run("bzip2", "bzip2 -k large-text", "large-text"),
        Run("bunzip2", "bunzip2 -k binary.bz2", "binary") with { Prepare = "bzip2 binary" },
        Run("xz-threads", "xz -T2 -3 -k --block-size=1MiB large-text", "large-text"),
        Run("xz-decompress", "xz -T2 -dkc large-text.xz", "large-text") with { Prepare = "xz -T2 --block-size=1MiB large-text" },
        Run("xz-branch-filter", "xz -k --x86 --lzma2=preset=6 binary", "binary"),
        Run("zstd-threads", "zstd -q -T2 -9 -k large-text", "large-text"),
        Run("zstd-fast", "zstd -q --fast=3 -k binary", "binary"),
        Run("zstd-decompress", "zstd -q -d -k -c large-text.zst", "large-text") with { Prepare = "zstd -q --rm -12 large-text" },
        Script("tar-pipeline", "tar -cf - text binary --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner | gzip -n | tee a.tgz | gunzip | tar -tvf -; mkdir x; tar -C x -xzf a.tgz; cmp x/binary binary; echo $?; rm -r x", "text", "binary"),
    ];
}
