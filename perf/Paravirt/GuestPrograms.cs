using System.Diagnostics;
using Jitvmm.Tests.Tidy;

namespace Jitvmm.Perf.Paravirt;

/// <summary>The C programs that guests run.</summary>
internal static class GuestPrograms
{
    /// <summary>Compiles one, statically, as kernels without a C library need it.</summary>
    /// <param name="source">Its file, from the repository's root.</param>
    public static byte[] Compile(string source)
    {
        string output = Path.GetTempFileName();
        try
        {
            using Process gcc = Process.Start("/usr/bin/gcc", ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-static", "-o", output, Path.Combine(RepositoryRoot.Path, source)]);
            gcc.WaitForExit();
            return gcc.ExitCode == 0 ? File.ReadAllBytes(output) : throw new InvalidOperationException($"{source} does not compile");
        }
        finally
        {
            File.Delete(output);
        }
    }
}
