using System.Buffers.Binary;
using Iced.Intel;
using Jitvmm.Runtime.Callouts;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Memory;
using Jitvmm.Runtime.Paravirt;
using Jitvmm.Translator;

namespace Jitvmm.Tests.Runtime.Callouts;

/// <summary>
/// A CPU with some RAM, descriptor tables and a task-state segment, on which callouts are called directly. Linear addresses are physical ones.
/// </summary>
internal sealed unsafe class TestMachine : ICpuPlatform, IDisposable
{
    public const ulong PageTables = 0x18000;
    public const ulong Gdt = 0x10000;
    public const ulong Idt = 0x11000;
    public const ulong Task = 0x12000;
    public const ulong InnerStack = 0x20000;
    public const ulong InterruptStack = 0x21000;
    public const ulong Stack = 0x22000;
    public const ulong Handlers = 0x30000;

    public const uint KernelCode = 0x08;
    public const uint KernelData = 0x10;
    public const uint UserCode = 0x18 | 3;
    public const uint UserData = 0x20 | 3;
    public const uint TaskSelector = 0x28;
    public const uint KernelCode32 = 0x38;
    public const uint UserCode32 = 0x40 | 3;

    /// <summary>First selector of tests' own descriptors.</summary>
    public const uint Free = 0x80;

    private const ulong RamBytes = 4 << 20;

    private readonly MachineEngine _engine;
    private readonly MachineCpu _machineCpu;

    /// <param name="offer">Makes what the guest is offered, out of the machine's memory.</param>
    /// <param name="tiering">What runs its code.</param>
    public TestMachine(Func<PhysicalMemory, (ParavirtualInterface Interface, IParavirtualHost Host)>? offer = null, Tiering tiering = Tiering.Auto)
    {
        Memory = new PhysicalMemory();
        Memory.AddRam(0, RamBytes);
        ParavirtualInterface? offered = null;
        if (offer != null)
        {
            (offered, IParavirtualHost host) = offer(Memory);
            Paravirtual = offered.CreateCpu(host);
        }

        _engine = new MachineEngine(Memory, new EngineOptions { Paravirtual = offered, Tiering = tiering });
        _machineCpu = _engine.CreateCpu(this, 0);
        Restart();
    }

    public PhysicalMemory Memory { get; }

    public long BlocksInvalidated => _engine.Cache.Statistics.BlocksInvalidated;

    public CpuState* Cpu => _machineCpu.State;

    public int TripleFaults { get; private set; }

    public List<(ushort Port, int Bytes, uint Value)> PortWrites { get; } = [];

    public ulong TaskPriority { get; set; }

    public ulong TimeStamp { get; set; }

    public ParavirtualCpu? Paravirtual { get; }

    /// <summary>The vector of an interrupt that waits, or −1.</summary>
    public int Interrupt { get; set; } = -1;

    public uint Rip => (uint)Cpu->Rip;

    /// <summary>Reset, with all tables as new.</summary>
    public void Restart()
    {
        CpuMode.Reset(Cpu);
        SoftTlb.FlushAll(Cpu);
        WriteTables();
    }

    /// <summary>64-bit mode at CPL 0, entered as an operating system does.</summary>
    public TestMachine EnterLongMode()
    {
        EnterProtectedMode();
        Write(Task + 4, InnerStack);
        ControlRegisters.Write(Cpu, 4, Cr4.PhysicalAddressExtension | Cr4.PageGlobal | Cr4.Fxsave | Cr4.FsGsBase, 0);
        ControlRegisters.Write(Cpu, 3, PageTables, 0);
        Assert.True(ModelSpecificRegisters.TryWrite(Cpu, 0xc0000080, Efer.LongModeEnable | Efer.NoExecuteEnable | Efer.SyscallEnable));
        ControlRegisters.Write(Cpu, 0, Cr0.Paging | Cr0.WriteProtect | Cr0.ProtectionEnable, 0);
        FarTransfers.Jump(Cpu, KernelCode, 0x1000, 0);
        Assert.True(CpuMode.Is64Bit(Cpu));
        Cpu->Gpr[4] = Stack;
        return this;
    }

    /// <summary>Flat 32-bit protected mode at CPL 0 without paging.</summary>
    public TestMachine EnterProtectedMode()
    {
        DescriptorTables.LoadGlobal(Cpu, 0xfff, Gdt);
        DescriptorTables.LoadInterrupt(Cpu, 0xfff, Idt);
        ControlRegisters.Write(Cpu, 0, Cr0.ProtectionEnable, 0);
        FarTransfers.Jump(Cpu, KernelCode32, 0x1000, 0);
        foreach (SegmentIndex segment in (SegmentIndex[])[SegmentIndex.Ds, SegmentIndex.Es, SegmentIndex.Ss])
        {
            Load(segment, KernelData);
        }

        DescriptorTables.LoadTask(Cpu, TaskSelector);
        Cpu->Gpr[4] = Stack;
        Cpu->System.InterruptShadow = 0;
        return this;
    }

    /// <summary>CPL 3, by IRET.</summary>
    public TestMachine EnterUser(uint code = UserCode)
    {
        int slot = CpuMode.Is64Bit(Cpu) ? 8 : 4;
        Push(slot, UserData, 0x80000, 0x202, code, 0x4000);
        FarTransfers.ReturnFromInterrupt(Cpu, slot, 0);
        Assert.Equal(3, Cpu->System.Cpl);
        return this;
    }

    public void Load(SegmentIndex segment, uint selector) => Segments.Load(Cpu, CpuState.SelectorOffset((int)segment), selector, Cpu->Rip);

    public void Push(int bytes, params ulong[] values)
    {
        foreach (ulong value in values)
        {
            Cpu->Gpr[4] -= (uint)bytes;
            Write(Cpu->Gpr[4], value, bytes);
        }
    }

    public void Write(ulong address, ulong value, int bytes = 8)
    {
        Span<byte> buffer = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(buffer, value);
        Assert.True(Memory.Write(address, buffer[..bytes]));
    }

    public ulong Read(ulong address, int bytes = 8)
    {
        Span<byte> buffer = stackalloc byte[8];
        Assert.True(Memory.Read(address, buffer[..bytes]));
        return BinaryPrimitives.ReadUInt64LittleEndian(buffer);
    }

    /// <summary>A slot of the current stack, counted from its top.</summary>
    public ulong Slot(int index, int bytes = 8) => Read(Cpu->Gpr[4] + (ulong)(index * bytes), bytes);

    /// <summary>The first slots of the current stack.</summary>
    public ulong[] Slots(int count, int bytes = 8)
    {
        ulong[] slots = new ulong[count];
        for (int index = 0; index < count; index++)
        {
            slots[index] = Slot(index, bytes);
        }

        return slots;
    }

    public void SetDescriptor(uint selector, ulong descriptor) => Write(Gdt + (selector & 0xfff8), descriptor);

    /// <summary>A descriptor of code, data or a legacy system segment; access is the byte with type, S, DPL and P; flags are AVL, L, D/B, G.</summary>
    public static ulong Segment(uint address, uint limit, byte access, int flags) => (limit & 0xffff) | ((ulong)(address & 0xffffff) << 16) | ((ulong)access << 40)
        | ((ulong)(limit >> 16 & 15) << 48) | ((ulong)flags << 52) | ((ulong)(address >> 24) << 56);

    public static ulong Gate(uint selector, uint offset, byte access, int parameters = 0) =>
        (offset & 0xffff) | ((ulong)selector << 16) | ((ulong)(uint)parameters << 32) | ((ulong)access << 40) | ((ulong)(offset >> 16) << 48);

    public void SetLongGate(int vector, ulong offset, byte access = 0x8e, uint selector = KernelCode, int stack = 0)
    {
        Write(Idt + (ulong)(vector * 16), Gate(selector, (uint)offset, access, stack));
        Write(Idt + (ulong)(vector * 16) + 8, offset >> 32);
    }

    public void SetGate(int vector, uint offset, byte access = 0x8e, uint selector = KernelCode32) => Write(Idt + (ulong)(vector * 8), Gate(selector, offset, access));

    /// <summary>The exception an operation raises.</summary>
    public static CpuException Raises(Action operation) => Assert.Throws<GuestFaultException>(operation).Fault;

    public static void RaisesProtection(Action operation, uint errorCode = 0)
    {
        CpuException fault = Raises(operation);
        Assert.Equal((ExceptionVector.GeneralProtection, errorCode), (fault.Vector, fault.ErrorCode));
    }

    public uint ReadPort(ushort port, int bytes) => port;

    public void WritePort(ushort port, int bytes, uint value) => PortWrites.Add((port, bytes, value));

    public bool TryReadMsr(uint index, out ulong value)
    {
        value = 0xfee00900;
        return index == 0x1b || Paravirtual?.TryReadMsr(index, out value) == true;
    }

    public bool TryWriteMsr(uint index, ulong value) => index == 0x1b || Paravirtual?.TryWriteMsr(index, value) == true;

    public int AcknowledgeInterrupt()
    {
        int vector = Interrupt;
        Interrupt = -1;
        return vector;
    }

    public CpuidLeaf QueryCpuid(uint leaf, uint subLeaf)
    {
        CpuidLeaf known = CpuModel.Query(leaf, subLeaf);

        // PCID; SMEP, SMAP; UMIP.
        known = leaf == 1 ? known with { Ecx = known.Ecx | (1 << 17) } : known;
        return leaf == 7 && subLeaf == 0 ? known with { Ebx = known.Ebx | (1 << 7) | (1 << 20), Ecx = known.Ecx | (1 << 2) } : known;
    }

    public int FloatingPointErrors { get; private set; }

    public void SignalFloatingPointError() => FloatingPointErrors++;

    public void TripleFault()
    {
        TripleFaults++;
        _machineCpu.RequestStop();
    }

    /// <summary>Runs code to its HLT.</summary>
    public MachineExit Run() => _machineCpu.Run();

    /// <summary>Makes code that runs look around. Any thread.</summary>
    public void Kick() => _machineCpu.Kick();

    /// <summary>Makes <see cref="Run"/> return.</summary>
    public void RequestStop() => _machineCpu.RequestStop();

    /// <summary>Puts assembled code at an address it is to run at.</summary>
    public void Place(Assembler asm, ulong address)
    {
        using MemoryStream stream = new();
        asm.Assemble(new StreamCodeWriter(stream), address);
        Assert.True(Memory.Write(address, stream.ToArray()));
    }

    public void Dispose()
    {
        _machineCpu.Dispose();
        _engine.Dispose();
        Memory.Dispose();
    }

    private void WriteTables()
    {
        // One entry per level, then the first 4 MiB as two large pages open to user code.
        Write(PageTables, (PageTables + 0x1000) | 7);
        Write(PageTables + 0x1000, (PageTables + 0x2000) | 7);
        Write(PageTables + 0x2000, 0x87);
        Write(PageTables + 0x2008, 0x200087);
        SetDescriptor(KernelCode, Segment(0, 0, 0x9b, 2));
        SetDescriptor(KernelData, Segment(0, 0xfffff, 0x93, 0xc));
        SetDescriptor(UserCode, Segment(0, 0, 0xfb, 2));
        SetDescriptor(UserData, Segment(0, 0xfffff, 0xf3, 0xc));
        SetDescriptor(TaskSelector, Segment((uint)Task, 0x2067, 0x89, 0));
        SetDescriptor(KernelCode32, Segment(0, 0xfffff, 0x9b, 0xc));
        SetDescriptor(UserCode32, Segment(0, 0xfffff, 0xfb, 0xc));

        // The stack of level 0 of both layouts, the first interrupt stack; then the I/O bitmap, all closed.
        Write(Task + 4, InnerStack);
        Write(Task + 8, KernelData, 4);
        Write(Task + 36, InterruptStack);
        Write(Task + 0x66, 0x68, 2);
        for (ulong place = 0; place < 0x2000; place += 8)
        {
            Write(Task + 0x68 + place, ulong.MaxValue);
        }
    }
}
