using System.Runtime.InteropServices;
using Iced.Intel;
using Jitvmm.Runtime.CodeCache;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Memory;
using Jitvmm.Translator;
using static Iced.Intel.AssemblerRegisters;

namespace Jitvmm.Perf.Micro;

/// <summary>A process guest that goes around a loop as often as it is told, and then makes a system call, which ends its run. One at a time: its address space is half of this process's.</summary>
internal sealed unsafe class LoopGuest : IDisposable
{
    public const ulong Code = 0x400000;
    public const ulong Data = 0x800000;

    private const ulong Bytes = 1 << 16;
    private const ulong Alignment = 64;
    private const ulong StackTop = Data + Bytes - 64;
    private const int StackPointer = 4;
    private const int Counter = 15;

    // PROT_READ | PROT_WRITE; MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED.
    private const int ReadWrite = 3;
    private const int PrivateFixed = 0x32;

    private readonly AddressSpace _memory = new();
    private readonly Engine _engine;
    private readonly VCpu _cpu;
    private readonly byte* _code;

    private ulong _end = Code;

    /// <param name="how">Which tier runs it, and how it reaches memory.</param>
    public LoopGuest(GuestMode how)
    {
        _code = Map(Code, PageAccess.Read | PageAccess.Execute);
        _ = Map(Data, PageAccess.Read | PageAccess.Write);
        _engine = new Engine(_memory, new EngineOptions { Tiering = how == GuestMode.Interpreted ? Tiering.Tier0 : Tiering.Tier1, Checked = how == GuestMode.CompiledChecked });
        _cpu = _engine.CreateVCpu();
    }

    public CodeCache Cache => _engine.Cache;

    public AddressSpace Memory => _memory;

    public CpuState* Cpu => _cpu.State;

    /// <summary>Where the loop begins that the guest has now.</summary>
    /// <param name="body">The loop's; it keeps R15, the counter.</param>
    /// <param name="behind">What the body calls.</param>
    public ulong AddLoop(Action<Assembler> body, Action<Assembler>? behind = null)
    {
        Assembler asm = new(64);
        Label loop = asm.CreateLabel();
        asm.Label(ref loop);
        body(asm);
        asm.dec(r15);
        asm.jne(loop);
        asm.syscall();
        behind?.Invoke(asm);
        using MemoryStream bytes = new();
        ulong start = _end;
        asm.Assemble(new StreamCodeWriter(bytes), start);
        bytes.ToArray().CopyTo(new Span<byte>(_code + (start - Code), (int)(Bytes - (start - Code))));
        _end += ((ulong)bytes.Length + Alignment - 1) & ~(Alignment - 1);
        return start;
    }

    public void Run(ulong loop, int iterations)
    {
        CpuState* state = _cpu.State;
        state->Rip = loop;
        state->Gpr[StackPointer] = StackTop;
        state->Gpr[Counter] = (ulong)iterations;
        if (_cpu.Run() is var exit && exit != CpuExit.SystemCall)
        {
            throw new InvalidOperationException($"the guest left with {exit}, {_cpu.Exception}");
        }
    }

    /// <summary>Goes on behind a system call.</summary>
    public CpuExit Continue() => _cpu.Run();

    public void Dispose()
    {
        _cpu.Dispose();
        _engine.Dispose();
        _memory.Dispose();
    }

    private byte* Map(ulong address, PageAccess access)
    {
        byte* host = _memory.HostBase + address;
        if (MapPages(host, (nuint)Bytes, ReadWrite, PrivateFixed, -1, 0) != host)
        {
            throw new InvalidOperationException("mmap of the guest's pages failed");
        }

        lock (_memory.Gate)
        {
            _memory.SetAccess(address, Bytes, access);
        }

        return host;
    }

    [DllImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static extern byte* MapPages(byte* address, nuint length, int protection, int flags, int file, nint offset);
}
