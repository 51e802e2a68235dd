using System.Runtime.CompilerServices;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Memory;
using Jitvmm.Runtime.Semantics;

namespace Jitvmm.Runtime.Callouts;

/// <summary>IN, OUT, INS and OUTS with the I/O permission check (SDM vol. 1, 19.5).</summary>
public static unsafe class Ports
{
    /// <summary>Low bits of a string instruction's flags argument: element size in bytes.</summary>
    public const int SizeMask = 7;

    /// <summary>32-bit counters and indices.</summary>
    public const int Address32 = StringSemantics.NarrowAddress;

    /// <summary>16- or 32-bit code: 16-bit counters and indices unless <see cref="Address32"/>.</summary>
    public const int Legacy = StringSemantics.Legacy;

    public const int Repeated = 128;

    private const int Rcx = 1;
    private const int Rdx = 2;
    private const int Rsi = 6;
    private const int Rdi = 7;

    /// <summary>Where a task-state segment says where its I/O bitmap is.</summary>
    private const uint BitmapOffset = 0x66;

    /// <summary>Elements between two safepoints.</summary>
    private const int Batch = 128;

    /// <summary>Not inlined: a handler whose locals have addresses could not jump to the next one.</summary>
    [TouchesRegisters]
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static uint Read(CpuState* cpu, uint port, int bytes)
    {
        if (cpu->System.IsMachine != 0 && MachineCpu.Of(cpu).Platform.Paravirtual is { } paravirtual && paravirtual.TryReadPort((ushort)port, bytes, out uint value))
        {
            return value;
        }

        Check(cpu, port, bytes);
        return MachineCpu.Of(cpu).Platform.ReadPort((ushort)port, bytes);
    }

    [TouchesRegisters]
    public static void Write(CpuState* cpu, uint port, int bytes, uint value)
    {
        Check(cpu, port, bytes);
        MachineCpu.Of(cpu).Platform.WritePort((ushort)port, bytes, value);
    }

    /// <summary>INS, at most <see cref="Batch"/> elements of it; 1 when it is complete.</summary>
    [TouchesRegisters]
    public static int InString(CpuState* cpu, ulong segmentBase, int flags)
    {
        int bytes = flags & SizeMask;
        ushort port = (ushort)cpu->Gpr[Rdx];
        Check(cpu, port, bytes);
        for (int left = cpu->System.IsSingle != 0 ? 1 : Batch; left > 0; left--)
        {
            if (IsFinished(cpu, flags))
            {
                return 1;
            }

            ulong address = Linear((cpu->Gpr[Rdi] & AddressMask(flags)) + segmentBase, flags);
            SystemMemory.CheckWrite(cpu, address, bytes, false);
            uint value = MachineCpu.Of(cpu).Platform.ReadPort(port, bytes);
            PagedMemory.Write(cpu, address, bytes, value, false);
            if (Advance(cpu, Rdi, bytes, flags))
            {
                return 1;
            }
        }

        return 0;
    }

    /// <summary>OUTS.</summary>
    [TouchesRegisters]
    public static int OutString(CpuState* cpu, ulong segmentBase, int flags)
    {
        int bytes = flags & SizeMask;
        ushort port = (ushort)cpu->Gpr[Rdx];
        Check(cpu, port, bytes);
        for (int left = cpu->System.IsSingle != 0 ? 1 : Batch; left > 0; left--)
        {
            if (IsFinished(cpu, flags))
            {
                return 1;
            }

            ulong address = Linear((cpu->Gpr[Rsi] & AddressMask(flags)) + segmentBase, flags);
            uint value = (uint)PagedMemory.Read(cpu, address, bytes, false);
            MachineCpu.Of(cpu).Platform.WritePort(port, bytes, value);
            if (Advance(cpu, Rsi, bytes, flags))
            {
                return 1;
            }
        }

        return 0;
    }

    private static bool IsFinished(CpuState* cpu, int flags) => (flags & Repeated) != 0 && (cpu->Gpr[Rcx] & AddressMask(flags)) == 0;

    /// <summary>Steps the index and the counter; true when the instruction is complete.</summary>
    private static bool Advance(CpuState* cpu, int index, int bytes, int flags)
    {
        long step = cpu->FlagD != 0 ? -bytes : bytes;
        WriteIndex(cpu, index, cpu->Gpr[index] + (ulong)step, flags);
        if ((flags & Repeated) == 0)
        {
            return true;
        }

        WriteIndex(cpu, Rcx, cpu->Gpr[Rcx] - 1, flags);
        return (cpu->Gpr[Rcx] & AddressMask(flags)) == 0;
    }

    private static void WriteIndex(CpuState* cpu, int register, ulong value, int flags) => cpu->Gpr[register] = AddressMask(flags) == ushort.MaxValue
        ? (cpu->Gpr[register] & ~0xfffful) | (value & 0xffff)
        : value & AddressMask(flags);

    private static ulong AddressMask(int flags) =>
        (flags & Address32) != 0 ? uint.MaxValue : (flags & Legacy) != 0 ? ushort.MaxValue : ulong.MaxValue;

    private static ulong Linear(ulong address, int flags) => (flags & Legacy) != 0 ? (uint)address : address;

    private static void Check(CpuState* cpu, uint port, int bytes)
    {
        bool needsBitmap = CpuMode.IsProtected(cpu) && (cpu->System.Cpl > CpuMode.IoPrivilegeLevel(cpu) || CpuMode.IsVirtual8086(cpu));
        if (needsBitmap && !BitmapAllows(cpu, port, bytes))
        {
            GuestAccess.Raise(ExceptionVector.GeneralProtection);
        }

        Breakpoints.NotePort(cpu, port & 0xffff, bytes);
    }

    private static bool BitmapAllows(CpuState* cpu, uint port, int bytes)
    {
        uint limit = cpu->System.Limits[(int)SegmentIndex.Task];
        int type = cpu->System.Attributes[(int)SegmentIndex.Task] & SegmentAttributes.TypeMask;
        if (type is not (SystemSegmentType.Task or SystemSegmentType.BusyTask) || limit < BitmapOffset + 1)
        {
            return false;
        }

        uint place = SystemMemory.Read16(cpu, cpu->System.TaskBase + BitmapOffset, true) + (port >> 3);
        if (place + 1 > limit)
        {
            return false;
        }

        uint bits = SystemMemory.Read16(cpu, cpu->System.TaskBase + place, true);
        return (bits >> (int)(port & 7) & ((1u << bytes) - 1)) == 0;
    }
}
