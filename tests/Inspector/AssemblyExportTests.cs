using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Text;
using System.Text.Json;
using Jitvmm.Inspector.Files;
using Jitvmm.Tests.Guests;
using Jitvmm.Tests.Machines;
using Jitvmm.Tests.Tidy;

namespace Jitvmm.Tests.Inspector;

/// <summary>Compiled code as a .NET assembly and as C#.</summary>
public sealed class AssemblyExportTests : IDisposable
{
    private const int Times = 5_000;

    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(2);

    private readonly CacheRun _run = new();

    public void Dispose() => _run.Dispose();

    [ToolFact("busybox")]
    public void Another_process_reads_and_compiles_every_method_of_a_real_program()
    {
        string cache = _run.Record("cache", "--tier", "1", "busybox", "sh", "-c", "i=0; while [ $i -lt 300 ]; do i=$((i+1)); done; printf '%s %.3f' $i 2.5 | md5sum >/dev/null; exit 0");
        JsonElement answer = _run.Ask("export", cache, "--assembly", _run.PathOf("guest.dll"));
        Assert.Equal(CacheFile.Open(cache).Regions.Length, answer.GetProperty("methods").GetInt32());
        Assert.Empty(answer.GetProperty("left-out").EnumerateArray());
        Check("guest.dll", answer.GetProperty("methods").GetInt32());
    }

    [GuestKernelTheory("cloud")]
    [InlineData("kvm")]
    public void A_kernel_that_booted_until_it_found_no_disk_is_exported(string hypervisor)
    {
        (_, string output, string errors) = _run.Run(
            "boot", "--kernel", GuestKernel.Cloud.Image, "--append", "console=ttyS0 panic=-1", "--memory", "256M", "--hypervisor", hypervisor, "--no-reboot", "--save-cache", _run.PathOf("cache"));
        Assert.True(output.Contains("Unable to mount root fs", StringComparison.Ordinal), output + errors);
        JsonElement answer = _run.Ask("export", _run.PathOf("cache"), "--assembly", _run.PathOf("kernel.dll"));
        int methods = answer.GetProperty("methods").GetInt32();
        int left = answer.GetProperty("left-out").EnumerateArray().Sum(static row => row.GetProperty("regions").GetInt32());
        Assert.Equal(CacheFile.Open(_run.PathOf("cache")).Regions.Length, methods + left);
        Assert.InRange(methods, 50, int.MaxValue);
        Check("kernel.dll", methods);
    }

    [Fact]
    public void Methods_are_named_by_symbol_and_address()
    {
        string cache = _run.Record("cache", "--tier", "1", _run.Write("hot", TinyProgram.HotLoop(Times)));
        _ = _run.Ask("export", cache, "--assembly", _run.PathOf("hot.dll"));
        using PEReader file = new(File.OpenRead(_run.PathOf("hot.dll")));
        MetadataReader metadata = file.GetMetadataReader();
        Assert.Equal("hot", metadata.GetString(metadata.GetAssemblyDefinition().Name));
        Assert.Contains("hot_loop_401007", metadata.MethodDefinitions.Select(handle => metadata.GetString(metadata.GetMethodDefinition(handle).Name)));
    }

    [Fact]
    public void A_block_is_shown_as_lines_of_source_that_belong_to_its_instructions()
    {
        string cache = _run.Record("cache", "--tier", "1", _run.Write("hot", TinyProgram.HotLoop(Times)));
        ILookup<string?, string> lines = _run.Ask("show", cache, "hot_loop").GetProperty("cs").EnumerateArray()
            .ToLookup(static line => line.GetProperty("address").GetString(), static line => line.GetProperty("source").GetString()!);
        Assert.Contains(lines["0x401007"], static line => line.Contains("rax", StringComparison.Ordinal) && line.Contains('+', StringComparison.Ordinal));
        Assert.Contains(lines["0x40100a"], static line => line.Contains("rcx", StringComparison.Ordinal) && line.Contains('-', StringComparison.Ordinal));
        Assert.Contains(lines["0x40100c"], static line => line.Contains("!= 0", StringComparison.Ordinal));
    }

    [Fact]
    public void An_assembly_that_cannot_be_written_is_one_line()
    {
        string cache = _run.Record("cache", _run.Write("hot", TinyProgram.HotLoop(Times)));
        Assert.Equal((125, "", "jitvmm: /nowhere/a.dll: its folder does not exist\n"), _run.Run("cache", "export", cache, "--assembly", "/nowhere/a.dll"));
        Assert.Contains("export needs --assembly FILE", _run.Run("cache", "export", cache).Errors, StringComparison.Ordinal);
    }

    /// <summary>In a process of its own, which has never seen the cache.</summary>
    private void Check(string assembly, int methods)
    {
        string configuration = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;
        string checker = Path.Combine(RepositoryRoot.Path, "tests/Inspector/AssemblyCheck/bin", configuration, "net10.0/Jitvmm.AssemblyCheck.dll");
        ProgramOutcome outcome = NativeProcess.Run(["dotnet", checker, _run.PathOf(assembly)], Path.GetTempPath(), "", s_limit);
        string text = Encoding.UTF8.GetString(outcome.Output) + Encoding.UTF8.GetString(outcome.Errors);
        Assert.True(outcome.Status == 0, text);
        Assert.Equal($"{methods} methods, 0 problems\n", text);
    }
}
