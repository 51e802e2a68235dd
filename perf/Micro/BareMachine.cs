using System.Buffers.Binary;
using Iced.Intel;
using Jitvmm.Runtime.Callouts;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Memory;
using Jitvmm.Runtime.Paravirt;
using Jitvmm.Runtime.Paravirt.Kvm;
using Jitvmm.Tests.Runtime.Paravirt;
using Jitvmm.Translator;
using static Iced.Intel.AssemblerRegisters;

namespace Jitvmm.Perf.Micro;

/// <summary>A machine's CPU in 64-bit mode at level 0, whose guest goes around a loop as often as it is told and halts.</summary>
internal sealed unsafe class BareMachine : ICpuPlatform, IDisposable
{
    /// <summary>Linear addresses are physical ones, in pages of 2 MB.</summary>
    public const ulong Data = 0x200000;

    private const ulong Code = 0x100000;
    private const ulong StackTop = 0x80000;
    private const ulong PageTables = 0x18000;
    private const ulong Gdt = 0x10000;
    private const ulong RamBytes = 4 << 20;
    private const uint CodeSelector = 8;
    private const uint DataSelector = 16;
    private const uint ExtendedFeatures = 0xc0000080;
    private const int StackPointer = 4;
    private const int Counter = 15;

    private readonly PhysicalMemory _memory = new();
    private readonly MachineEngine _engine;
    private readonly MachineCpu _cpu;

    public BareMachine(Tiering tiering, Action<Assembler> body)
    {
        _memory.AddRam(0, RamBytes);
        var kvm = new KvmInterface();
        Paravirtual = kvm.CreateCpu(new FakeParavirtualHost(_memory));
        _engine = new MachineEngine(_memory, new EngineOptions { Tiering = tiering, Paravirtual = kvm });
        _cpu = _engine.CreateCpu(this, 0);
        WriteTables();
        EnterLongMode();

        Assembler asm = new(64);
        Label loop = asm.CreateLabel();
        asm.Label(ref loop);
        body(asm);
        asm.dec(r15);
        asm.jne(loop);
        asm.hlt();
        using MemoryStream bytes = new();
        asm.Assemble(new StreamCodeWriter(bytes), Code);
        Write(Code, bytes.ToArray());
    }

    public ParavirtualCpu? Paravirtual { get; }

    public ulong TaskPriority { get; set; }

    public ulong TimeStamp => 0;

    public void Run(int iterations)
    {
        CpuState* state = _cpu.State;
        state->Rip = Code;
        state->Gpr[StackPointer] = StackTop;
        state->Gpr[Counter] = (ulong)iterations;
        if (_cpu.Run() is var exit && exit != MachineExit.Halted)
        {
            throw new InvalidOperationException($"the guest left with {exit} at {state->Rip:x}");
        }
    }

    public uint ReadPort(ushort port, int bytes) => port;

    public void WritePort(ushort port, int bytes, uint value)
    {
        // Nobody is there.
    }

    public bool TryReadMsr(uint index, out ulong value)
    {
        value = 0;
        return false;
    }

    public bool TryWriteMsr(uint index, ulong value) => false;

    public int AcknowledgeInterrupt() => -1;

    public CpuidLeaf QueryCpuid(uint leaf, uint subLeaf) => CpuModel.Query(leaf, subLeaf);

    public void TripleFault() => _cpu.RequestStop();

    public void Dispose()
    {
        _cpu.Dispose();
        _engine.Dispose();
        _memory.Dispose();
    }

    /// <summary>One entry a level, two large pages, and two flat segments (SDM vol. 3A, 3.4.5 and 4.5).</summary>
    private void WriteTables()
    {
        Write(PageTables, (PageTables + 0x1000) | 3);
        Write(PageTables + 0x1000, (PageTables + 0x2000) | 3);
        Write(PageTables + 0x2000, 0x83);
        Write(PageTables + 0x2008, 0x200083);
        Write(Gdt + CodeSelector, 0x00209b0000000000);
        Write(Gdt + DataSelector, 0x00cf93000000ffff);
    }

    private void EnterLongMode()
    {
        CpuState* state = _cpu.State;
        CpuMode.Reset(state);
        SoftTlb.FlushAll(state);
        DescriptorTables.LoadGlobal(state, 0xfff, Gdt);
        ControlRegisters.Write(state, 4, Cr4.PhysicalAddressExtension | Cr4.PageGlobal | Cr4.Fxsave, 0);
        ControlRegisters.Write(state, 3, PageTables, 0);
        if (!ModelSpecificRegisters.TryWrite(state, ExtendedFeatures, Efer.LongModeEnable))
        {
            throw new InvalidOperationException("no long mode");
        }

        ControlRegisters.Write(state, 0, Cr0.Paging | Cr0.WriteProtect | Cr0.ProtectionEnable, 0);
        FarTransfers.Jump(state, CodeSelector, Code, 0);
        Segments.Load(state, CpuState.SelectorOffset((int)SegmentIndex.Ss), DataSelector, Code);
        state->System.InterruptShadow = 0;
    }

    private void Write(ulong address, ulong value)
    {
        byte[] bytes = new byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        Write(address, bytes);
    }

    private void Write(ulong address, byte[] bytes)
    {
        if (!_memory.Write(address, bytes))
        {
            throw new InvalidOperationException($"no RAM at {address:x}");
        }
    }
}
