using Jitvmm.Tests.Tidy;

namespace Jitvmm.Tests.Guests;

/// <summary>The kernels that are measured, each once around, and what it came to; how long it took is not compared.</summary>
public sealed class KernelPrograms : IProgramTable
{
    public static string Folder { get; } = Path.Combine(RepositoryRoot.Path, "perf/Guests/kernels");

    public static IReadOnlyList<GuestProgram> Programs { get; } =
    [
        .. Directory.GetFiles(Path.Combine(Folder, "prebuilt")).Order(StringComparer.Ordinal)
            .Select(static file => new GuestProgram($"kernel-{Path.GetFileName(file)}", [file, "1"]) { ComparedLines = "^checksum" }),
    ];
}
