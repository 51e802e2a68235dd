using System.Diagnostics;
using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Jitvmm.Tests.Tidy;

namespace Jitvmm.Tests.Differential;

/// <summary>
/// The host CPU as reference: a native process (oracle.c, compiled at first use) that runs batches of cases.
/// Fill programs and inputs, <see cref="Execute"/>, read the outputs; then <see cref="Clear"/> for the next batch.
/// </summary>
public sealed unsafe class NativeOracle : IDisposable
{
    private const int ProgramsOffset = 8192;

    private static readonly int s_inputsOffset = ProgramsOffset + TestLayout.MaxPrograms * sizeof(OracleProgram);
    private static readonly int s_outputsOffset = s_inputsOffset + TestLayout.MaxCases * sizeof(CaseInput);
    private static readonly int s_sharedSize = s_outputsOffset + TestLayout.MaxCases * sizeof(CaseOutput);

    private readonly Process _process;
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private readonly string _path;
    private readonly byte* _shared;
    private int _programs;
    private int _cases;

    public NativeOracle()
    {
        string program = Compile();
        _path = Path.Combine(Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(), $"jitvmm-oracle-{Environment.ProcessId}-{Guid.NewGuid():N}");
        _file = MemoryMappedFile.CreateFromFile(_path, FileMode.CreateNew, null, s_sharedSize);
        _view = _file.CreateViewAccessor();
        byte* shared = null;
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref shared);
        _shared = shared;
        TestMemory.FillReadOnly(Header->ReadOnly);
        _process = Process.Start(new ProcessStartInfo(program, [_path]) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true })!;
        AwaitReply();
        File.Delete(_path);
    }

    /// <summary>Why this machine cannot be the reference, or null if it can.</summary>
    public static string? Unavailable { get; } = FindObstacle();

    public int CaseCount => _cases;

    public int ProgramRoom => TestLayout.MaxPrograms - _programs;

    public int CaseRoom => TestLayout.MaxCases - _cases;

    private OracleHeader* Header => (OracleHeader*)_shared;

    public CaseInput* Input(int index) => (CaseInput*)(_shared + s_inputsOffset) + index;

    public CaseOutput* Output(int index) => (CaseOutput*)(_shared + s_outputsOffset) + index;

    public void Clear()
    {
        _programs = 0;
        _cases = 0;
    }

    /// <summary>Adds a program with room for some cases; returns the index of the first. Its memory image is the caller's to have filled.</summary>
    public int Add(TestProgram program, int cases)
    {
        if (ProgramRoom == 0 || CaseRoom < cases)
        {
            throw new InvalidOperationException("The batch is full.");
        }

        var slot = (OracleProgram*)(_shared + ProgramsOffset) + _programs++;
        slot->CodeAddress = program.CodeAddress;
        slot->CodeLength = (uint)program.Code.Length;
        slot->FirstCase = (uint)_cases;
        slot->CaseCount = (uint)cases;
        program.Code.CopyTo(new Span<byte>(slot->Code, TestLayout.MaxCodeBytes));
        foreach (int offset in program.Terminators)
        {
            // jmp rel32 to the stub that says which terminator it was.
            ulong target = Header->ExitStub[program.Terminators.IndexOf(offset)];
            slot->Code[offset] = 0xe9;
            *(int*)(slot->Code + offset + 1) = (int)(target - (program.CodeAddress + (ulong)offset + TestProgram.TerminatorLength));
        }

        TestMemory.Fill(slot->Memory, program.MemorySeed);
        int first = _cases;
        _cases += cases;
        return first;
    }

    public void Execute()
    {
        Header->ProgramCount = (uint)_programs;
        _process.StandardInput.BaseStream.WriteByte((byte)'x');
        _process.StandardInput.BaseStream.Flush();
        AwaitReply();
        for (int i = 0; i < _cases; i++)
        {
            Normalize(&Output(i)->State);
        }
    }

    public void Dispose()
    {
        _process.StandardInput.Close();
        if (!_process.WaitForExit(5000))
        {
            _process.Kill();
        }

        _process.Dispose();
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _file.Dispose();
        File.Delete(_path);
    }

    /// <summary>XSAVE marks components in their initial state instead of leaving zeros everywhere (SDM vol. 1, 13.7).</summary>
    private static void Normalize(MachineState* state)
    {
        const ulong UpperHalves = 4;
        if ((state->ComponentsInUse & UpperHalves) == 0)
        {
            new Span<byte>(MachineState.YmmHigh(state, 0), 16 * 16).Clear();
        }

        state->ComponentsInUse = 7;
    }

    private static string? FindObstacle()
    {
        if (RuntimeInformation.ProcessArchitecture != Architecture.X64 || !OperatingSystem.IsLinux())
        {
            return "the host is not x86-64 Linux";
        }

        if (!System.Runtime.Intrinsics.X86.Avx2.IsSupported)
        {
            return "the host CPU has no AVX2";
        }

        if (!File.ReadAllText("/proc/cpuinfo").Contains("fsgsbase", StringComparison.Ordinal))
        {
            return "the host has no FSGSBASE";
        }

        return File.Exists("/usr/bin/gcc") || File.Exists("/usr/local/bin/gcc") ? null : "gcc is not installed (Debian packages gcc and libc6-dev)";
    }

    private static string Compile()
    {
        string source = Path.Combine(RepositoryRoot.Path, "tests/Differential/oracle.c");
        string hash = Convert.ToHexString(SHA256.HashData([.. File.ReadAllBytes(source), .. BitConverter.GetBytes(TestLayout.OracleBase)]))[..16];
        string program = Path.Combine(RepositoryRoot.Path, ".cache", $"oracle-{hash}");
        if (File.Exists(program))
        {
            return program;
        }

        Directory.CreateDirectory(Path.GetDirectoryName(program)!);
        string draft = $"{program}.{Environment.ProcessId}";
        string[] arguments =
        [
            "-O2", "-Wall", "-Wextra", "-static", "-no-pie", "-fno-pie", "-fno-stack-protector", "-mno-red-zone", "-mcmodel=small", "-mfsgsbase",
            $"-Wl,-Ttext-segment=0x{TestLayout.OracleBase:x}", source, "-o", draft,
        ];
        using Process compiler = Process.Start(new ProcessStartInfo("gcc", arguments) { RedirectStandardError = true })!;
        string messages = compiler.StandardError.ReadToEnd();
        compiler.WaitForExit();
        if (compiler.ExitCode != 0)
        {
            throw new InvalidOperationException($"gcc could not compile {source}:\n{messages}");
        }

        File.Move(draft, program, overwrite: true);
        return program;
    }

    private void AwaitReply()
    {
        if (_process.StandardOutput.BaseStream.ReadByte() < 0)
        {
            _process.WaitForExit();
            throw new InvalidOperationException($"The oracle ended with status {_process.ExitCode}: {_process.StandardError.ReadToEnd()}");
        }
    }
}
